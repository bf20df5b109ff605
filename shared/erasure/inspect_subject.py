"""What every store does when it is asked what it holds of a person: count, foresee, and say who used what.

Read and answered in one transaction: the counts are of one moment. Nothing is opened and nothing changes, so a command
that came twice, or years late, does no harm.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from shared.contracts.erasure import CollectionCount, Store
from shared.contracts.inspections import MOST_USES, Foreseen, InspectSubject, SubjectInspected, Use
from shared.messaging.cloudevents import Outgoing, Received, new_id
from shared.messaging.consume import Outcome
from shared.messaging.outbox import Outbox, Row
from shared.policy.model import Policy
from shared.stores.erasure import ErasureEngine, Target
from shared.stores.mongo import Client, Session, in_transaction, server_time

PERIOD = "inspection"
AT_ONCE = 20  # answers in one transaction: each may name 200 uses
log = structlog.get_logger()

UsesOf = Callable[[str, int, Session], Awaitable[Sequence[Use]]]
"""(subject id, at most how many, session) → newest first."""


class SubjectInspection:
    """Handler of the topic `inspections`. `uses`: the store's collections that say who opened or received what."""

    def __init__(
        self,
        store: Store,
        engine: ErasureEngine,
        *,
        client: Client,
        outbox: Outbox,
        policy: Policy,
        uses: Sequence[UsesOf] = (),
    ) -> None:
        self._store: Store = store
        self._engine = engine
        self._client = client
        self._outbox = outbox
        self._plans = policy.store(store).collections
        self._waited_for = policy.period(PERIOD).as_timedelta()
        self._uses = uses

    async def on_inspect(self, batch: Sequence[Received[InspectSubject]]) -> Outcome:
        """Answers are in the outbox when this returns. What nobody waits for any more is not looked up."""
        now = await server_time(self._client)  # what it waits for expires by that clock, too
        commands = list(
            {r.event.inspection_id: r.event for r in batch if is_waited_for(r.time, now, self._waited_for)}.values()
        )
        for start in range(0, len(commands), AT_ONCE):
            await self._answer(commands[start : start + AT_ONCE], now)
        log.info("subjects_inspected", store=self._store, count=len(commands))
        return Outcome(applied=len(batch))

    async def _answer(self, commands: Sequence[InspectSubject], now: datetime) -> None:
        subject_ids = list({command.subject_id for command in commands})

        async def work(session: Session) -> list[Row]:
            open_orders = await self._engine.open_orders(subject_ids, session)
            counts = await self._engine.foresee([Target(s, open_orders[s]) for s in subject_ids], session)
            uses = {subject_id: await self._used(subject_id, session) for subject_id in subject_ids}
            answers = [
                SubjectInspected(
                    subject_id=command.subject_id,
                    inspection_id=command.inspection_id,
                    asked_by=command.asked_by,
                    store=self._store,
                    inspected_at=now,
                    collections=self._foreseen(counts[command.subject_id]),
                    open_orders=open_orders[command.subject_id],
                    uses=uses[command.subject_id],
                )
                for command in commands
            ]
            return await self._outbox.append([Outgoing(answer, new_id(), now) for answer in answers], session)

        self._outbox.committed(await in_transaction(self._client, work))

    async def _used(self, subject_id: str, session: Session) -> tuple[Use, ...]:
        found = [use for uses in self._uses for use in await uses(subject_id, MOST_USES, session)]
        return tuple(sorted(found, key=lambda use: use.at, reverse=True)[:MOST_USES])

    def _foreseen(self, counts: Mapping[str, CollectionCount]) -> dict[str, Foreseen]:
        return {
            name: Foreseen(**count.model_dump(), ground=self._plans[name].ground, article=self._plans[name].article)
            for name, count in counts.items()
        }


def is_waited_for(asked_at: datetime, now: datetime, kept: timedelta) -> bool:
    """Whether the asker still keeps what it asked then."""
    return now - asked_at < kept
