"""The process that erases a subject, from the first stop to the certificate.

    open ─► fence, restrict everywhere ─► round 1 ─► (wait for open orders ─► next round) ─► destroy keys
         ─► wait out the key caches ─► final round, residual zero ─► last letter ─► certificate

Facts come in batches, for thousands of cases at once. Each batch is one transaction: cases, keyring, ledger, letters,
certificates and the outbox agree, or nothing happened and the batch is read again. The decisions are `case.step`'s.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.privacy.case import Case
from services.privacy.case_commands import commands_of, reminder
from services.privacy.case_facts import (
    Certify,
    DestroyKeys,
    Effect,
    Fact,
    Fence,
    OrderSettled,
    Rules,
    SendLetter,
    StoreRestricted,
)
from services.privacy.case_progress import progress_of
from services.privacy.case_steps import opened, step
from services.privacy.case_store import CaseStore
from services.privacy.certificate_store import CertificateStore
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import Entry, Head, Ledger
from services.privacy.letter_store import LetterStore
from services.privacy.order_store import OrderStore
from services.privacy.suppression_entry import suppression_of
from shared.contracts.ledger import LedgerHeadMoved
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.messaging.topic_log import TopicLog
from shared.observability.metrics import CASES
from shared.observability.tracing import cause_of, caused_by, note
from shared.stores.mongo import Client, Session, in_transaction

Told = tuple[str, Fact]
Change = tuple[Case | None, Case, tuple[Effect, ...]]  # before, after, and what it asks for
Certifier = Callable[[Case, Head, datetime], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything the process writes to: in one MongoDB deployment and so in one transaction, but for `suppressions`,
    which is written before it commits."""

    cases: CaseStore
    orders: OrderStore
    letters: LetterStore
    certificates: CertificateStore
    ledger: Ledger
    keyring: KeyringKeeper
    outbox: Outbox
    suppressions: TopicLog


class ErasureProcess:
    def __init__(self, client: Client, stores: Stores, rules: Rules, certify: Certifier) -> None:
        self._client = client
        self._stores = stores
        self._rules = rules
        self._certify = certify
        self._one_at_a_time = asyncio.Lock()

    async def open(self, wanted: Sequence[Case], now: datetime) -> dict[str, Case]:
        """Open these cases, each once. Returns by subject id the case that now runs: a new one, or the one that
        does what was asked for already."""

        async def work(session: Session) -> tuple[dict[str, Case], list[dict[str, Any]]]:
            theirs: dict[str, list[Case]] = defaultdict(list)
            for case in await self._stores.cases.of_subjects({case.subject_id for case in wanted}, session):
                theirs[case.subject_id].append(case)
            chosen, steps = running_cases(wanted, theirs, now, self._rules)
            return chosen, await self._store(steps, now, session)

        async with self._one_at_a_time:
            chosen, rows = await in_transaction(self._client, work)
        self._stores.outbox.committed(rows)
        return chosen

    async def tell(self, facts: Sequence[Told], now: datetime) -> None:
        """Advance the cases by these facts; unknown cases and facts that change nothing are passed over."""
        if not facts:
            return

        async def work(session: Session) -> list[dict[str, Any]]:
            before = await self._stores.cases.by_ids({case_id for case_id, _ in facts}, session)
            after, effects = dict(before), defaultdict[str, list[Effect]](list)
            for case_id, fact in (*await self._known_settlings(facts, now, session), *facts):
                if case_id in after:
                    after[case_id], asked = step(after[case_id], fact, now, self._rules)
                    effects[case_id].extend(asked)
            changed = [
                (before[case_id], case, tuple(effects[case_id]))
                for case_id, case in after.items()
                if case is not before[case_id]
            ]
            return await self._store(changed, now, session)

        async with self._one_at_a_time:
            rows = await in_transaction(self._client, work)
        self._stores.outbox.committed(rows)

    async def remind(self, silent_since: datetime, now: datetime, limit: int) -> int:
        """Send the commands again to stores that have not answered since then. Returns for how many cases."""
        cases = await self._stores.cases.unanswered(silent_since, limit)

        async def work(session: Session) -> list[dict[str, Any]]:
            outgoing = [command for case in cases for command in commands_of(case, reminder(case, self._rules), now)]
            return await self._stores.outbox.append(outgoing, session)

        if cases:
            self._stores.outbox.committed(await in_transaction(self._client, work))
            await self._stores.cases.touch([case.case_id for case in cases], now)
        return len(cases)

    async def _known_settlings(self, facts: Sequence[Told], now: datetime, session: Session) -> list[Told]:
        """What is on record of the orders these stores still call open: they may have ended before the case was
        opened, and nobody will say so again."""
        named = [
            (case_id, order_id)
            for case_id, fact in facts
            if isinstance(fact, StoreRestricted)
            for order_id in fact.open_orders
        ]
        settled = await self._stores.orders.settled_among([order_id for _, order_id in named], session)
        return [
            (case_id, OrderSettled(order_id, settled[order_id], now))
            for case_id, order_id in named
            if order_id in settled
        ]

    async def _store(self, steps: Sequence[Change], now: datetime, session: Session) -> list[dict[str, Any]]:
        """Write the changed cases and do what they ask for. Returns the outbox rows to publish after the commit."""
        if not steps:
            return []
        await self._stores.cases.save([after for _, after, _ in steps], session)
        await self._touch_keyring(steps, now, session)
        await self._stores.letters.queue(
            [
                (case.case_id, case.subject_id, effect.kind)
                for _, case, effects in steps
                for effect in effects
                if isinstance(effect, SendLetter)
            ],
            now,
            session,
        )
        head = await self._note(steps, now, session)
        outgoing = [command for _, case, effects in steps for command in commands_of(case, effects, now)]
        outgoing += progress_of(((before, after) for before, after, _ in steps), now)
        moved = LedgerHeadMoved(sequence=head.sequence, hash=head.hash, at=now)
        with caused_by({case.subject_id: cause for _, case, _ in steps if (cause := _cause(case))}):
            return await self._stores.outbox.append([*outgoing, Outgoing(moved, new_id(), now)], session)

    async def _touch_keyring(self, steps: Sequence[Change], now: datetime, session: Session) -> None:
        fences: dict[str, str] = {}
        destroyed: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for _, case, effects in steps:
            for effect in effects:
                match effect:
                    case Fence():
                        fences[case.subject_id] = case.case_id
                    case DestroyKeys(readers):
                        destroyed[readers].append(case.subject_id)
        if fences:
            await self._stores.keyring.fence(fences, now, session)
        if destroyed:  # known outside MongoDB first, so that no restore gives a destroyed key back
            gone = {
                case.case_id: case for _, case, effects in steps if any(isinstance(e, DestroyKeys) for e in effects)
            }
            entries = [Outgoing(suppression_of(case), new_id(), now) for case in gone.values()]
            await self._stores.suppressions.append(entries)
            await self._stores.keyring.destroy(destroyed, session)

    async def _note(self, steps: Sequence[Change], now: datetime, session: Session) -> Head:
        """Ledger entries for what was new in each case's timeline, then certificates that name the ledger's head."""
        entries = [
            Entry(entry.what, after.case_id, entry.detail)
            for before, after, _ in steps
            for entry in after.timeline[len(before.timeline) if before else 0 :]
        ]
        head = await self._stores.ledger.append(entries, now, session)
        closed = [case for _, case, effects in steps if any(isinstance(effect, Certify) for effect in effects)]
        certificates = {case.case_id: self._certify(case, head, now) for case in closed}
        if certificates:
            await self._stores.certificates.put(certificates, session)
            issued = [
                Entry("certificate_issued", case_id, {"sha256": certificate["sha256"]})
                for case_id, certificate in certificates.items()
            ]
            head = await self._stores.ledger.append(issued, now, session)
        for before, after, _ in steps:
            if before is None or before.state != after.state:
                CASES.labels(after.state).inc()
                note(f"case {after.state}", of=_cause(after), attributes={"sealed.case_id": after.case_id})
        return head


def _cause(case: Case) -> str | None:
    """What this step of a case goes on from: an answer that just came, else what opened the case."""
    return cause_of(case.subject_id) or case.traceparent


def running_cases(
    wanted: Sequence[Case], theirs: dict[str, list[Case]], now: datetime, rules: Rules
) -> tuple[dict[str, Case], list[Change]]:
    """By subject the case that runs for what was wanted, and the changes: cases opened, and cases that from now on
    answer one more withdrawal."""
    chosen: dict[str, Case] = {}
    changes: dict[str, Change] = {}
    for case in wanted:
        known = theirs[case.subject_id]
        already = next((other for other in known if other.covers(case)), None)
        if already is None:
            running, effects = opened(case, now, rules)
            known.append(running)
            changes[running.case_id] = (None, running, effects)
        elif (running := already.answering(case)) is not already:
            known[known.index(already)] = running
            before, _, effects = changes.get(running.case_id, (already, already, ()))
            changes[running.case_id] = (before, running, effects)
        chosen[case.subject_id] = running
    return chosen, list(changes.values())
