"""What every store does when the privacy service commands it: restrict, erase, answer with a signed receipt.

The change and its answers are one transaction: a crash leaves either both or neither, so counts stay truthful when
the command is read again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from shared.contracts.erasure import (
    CollectionCount,
    EraseSubject,
    RestrictSubject,
    Signature,
    Store,
    SubjectErased,
    SubjectRestricted,
)
from shared.messaging.cloudevents import Outgoing, Received, new_id
from shared.messaging.consume import Outcome
from shared.messaging.outbox import Outbox
from shared.observability.metrics import RESIDUAL_RECORDS
from shared.stores.erasure import ErasureEngine, Restricted, Target
from shared.stores.mongo import Client, Session, in_transaction
from shared.stores.receipts import Signer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ContactWanted:
    """Intake seals the person's contact for the privacy service, bound to the answer that carries it."""

    subject_id: str
    event_id: str
    event_type: str
    case_id: str


async def _no_contacts(wanted: Sequence[ContactWanted]) -> Mapping[str, dict[str, bytes]]:
    return {}


async def _no_consents(withdrawals: Sequence[Received[RestrictSubject]], session: Session) -> None:
    return None


async def _no_promotions(asked: Mapping[str, datetime], session: Session) -> None:
    return None


async def _no_disclosures(
    commands: Sequence[EraseSubject], now: datetime, session: Session
) -> Mapping[str, tuple[str, ...]]:
    return {}


def _no_cache(subject_ids: Sequence[str]) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What one store does beyond the policy's plan. `contacts`: envelopes by the event id of the answer they go in."""

    contacts: Callable[[Sequence[ContactWanted]], Awaitable[Mapping[str, dict[str, bytes]]]] = _no_contacts
    withdraw_consents: Callable[[Sequence[Received[RestrictSubject]], Session], Awaitable[None]] = _no_consents
    stop_promotions: Callable[[Mapping[str, datetime], Session], Awaitable[None]] = _no_promotions
    tell_recipients: Callable[[Sequence[EraseSubject], datetime, Session], Awaitable[Mapping[str, tuple[str, ...]]]] = (
        _no_disclosures
    )
    evict_keys: Callable[[Sequence[str]], None] = _no_cache


class ErasureParticipant:
    """Handlers of the topic `erasure-<store>`."""

    def __init__(
        self,
        store: Store,
        engine: ErasureEngine,
        *,
        client: Client,
        outbox: Outbox,
        signer: Signer,
        hooks: Hooks | None = None,
    ) -> None:
        self._store: Store = store
        self._engine = engine
        self._client = client
        self._outbox = outbox
        self._signer = signer
        self._hooks = hooks or Hooks()
        RESIDUAL_RECORDS.labels(store)  # a series that exists from the start shows its first increase

    async def restrict(self, batch: Sequence[Received[RestrictSubject]]) -> Outcome:
        """Processing stops when this returns. A command that came twice (a reminder) is answered once."""
        commands = list({received.event.case_id: received.event for received in batch}.values())
        now = datetime.now(UTC)
        asked = {received.event.subject_id: received.time for received in batch}
        answers = {command.case_id: new_id() for command in commands}
        self._hooks.evict_keys([command.subject_id for command in commands])
        contacts = await self._hooks.contacts(
            [
                ContactWanted(c.subject_id, answers[c.case_id], SubjectRestricted.type_name(), c.case_id)
                for c in commands
            ]
        )

        async def work(session: Session) -> list[dict[str, Any]]:
            everything = [c.subject_id for c in commands if c.scope == "all"]
            # First, so that a record it makes to say that they stopped is restricted with the others.
            await self._hooks.stop_promotions(asked, session)
            await self._hooks.withdraw_consents(batch, session)
            restricted = await self._engine.restrict(everything, now, session)
            events = [
                self._restricted(c, restricted.get(c.subject_id), contacts.get(answers[c.case_id], {}), now)
                for c in commands
            ]
            return await self._outbox.append(
                [Outgoing(event, answers[event.case_id], now) for event in events], session
            )

        self._outbox.committed(await in_transaction(self._client, work))
        log.info("subjects_restricted", store=self._store, count=len(commands))
        return Outcome(applied=len(batch))

    async def erase(self, batch: Sequence[Received[EraseSubject]]) -> Outcome:
        """Records are gone, depersonalised or named as deferred when this returns."""
        by_round: dict[int, list[EraseSubject]] = defaultdict(list)
        for received in batch:
            by_round[received.event.round].append(received.event)
        for _, commands in sorted(by_round.items()):
            await self._erase_round(commands)
        return Outcome(applied=len(batch))

    async def _erase_round(self, commands: Sequence[EraseSubject]) -> None:
        now = datetime.now(UTC)
        self._hooks.evict_keys([command.subject_id for command in commands])

        async def work(session: Session) -> tuple[list[dict[str, Any]], int]:
            told = await self._hooks.tell_recipients(commands, now, session)
            targets = [Target(command.subject_id, command.open_orders) for command in commands]
            counts = await self._engine.erase(targets, now, session)
            # A receipt that waits has the true counts. One made now would say that nothing was there, and come first.
            receipts = {_receipt_id(command): command for command in commands}
            waiting = await self._outbox.waiting(list(receipts), session)
            outgoing = [
                Outgoing(self._receipt(command, counts, told, now), event_id, now)
                for event_id, command in receipts.items()
                if event_id not in waiting
            ]
            rows = await self._outbox.append(outgoing, session)
            return rows, sum(count.residual for theirs in counts.values() for count in theirs.values())

        rows, left = await in_transaction(self._client, work)
        self._outbox.committed(rows)
        RESIDUAL_RECORDS.labels(self._store).inc(left)
        log.info("subjects_erased", store=self._store, count=len(commands))

    def _receipt(
        self,
        command: EraseSubject,
        counts: Mapping[str, dict[str, CollectionCount]],
        told: Mapping[str, tuple[str, ...]],
        now: datetime,
    ) -> SubjectErased:
        return self._signed(
            SubjectErased(
                subject_id=command.subject_id,
                case_id=command.case_id,
                store=self._store,
                round=command.round,
                erased_at=now,
                collections=counts[command.subject_id],
                disclosures=told.get(command.subject_id, ()),
            )
        )

    def _restricted(
        self,
        command: RestrictSubject,
        restricted: Restricted | None,
        contact: dict[str, bytes],
        now: datetime,
    ) -> SubjectRestricted:
        return SubjectRestricted(
            subject_id=command.subject_id,
            case_id=command.case_id,
            store=self._store,
            scope=command.scope,
            restricted_at=now,
            records=restricted.records if restricted else 0,
            open_orders=restricted.open_orders if restricted else (),
            sealed=contact,
        )

    def _signed(self, receipt: SubjectErased) -> SubjectErased:
        signature = self._signer.sign(receipt.model_dump(mode="json", exclude={"signature"}))
        return receipt.model_copy(update={"signature": Signature(**signature)})


def _receipt_id(command: EraseSubject) -> str:
    """The same for the same command, however often it is read."""
    parts = f"{command.case_id}/{command.store}/{command.round}"
    return hashlib.blake2b(parts.encode(), digest_size=16, person=b"receipt").hexdigest()
