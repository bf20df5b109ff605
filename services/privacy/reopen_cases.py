"""After a restore of MongoDB: destroy again the keys it brought back, and carry every erasure to its end again.

A case that the restore has lost is opened again, one that it has set back goes on; both get receipts of today. And
the other way round: what the topic has lost of what the cases know is appended to it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import structlog

from services.privacy.case import Case, TimelineEntry
from services.privacy.case_facts import OrderSettled
from services.privacy.case_progress import followed
from services.privacy.case_store import CaseStore
from services.privacy.erase_subject import ErasureProcess, Told
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.published_entries import PublishedEntries
from services.privacy.suppression_entry import suppression_of
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.suppression import furthest
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.topic_log import TopicLog
from shared.policy.working_days import deadline
from shared.stores.mongo import Client, Session, in_transaction

AT_ONCE = 1_000
LETTER_READER = "privacy"
log = structlog.get_logger()


class CaseReopening:
    """Used once, at the start, before anything else runs. `days`: working days to answer a withdrawal."""

    def __init__(
        self,
        client: Client,
        process: ErasureProcess,
        cases: CaseStore,
        keyring: KeyringKeeper,
        entries: TopicLog,
        days: int,
    ) -> None:
        self._client = client
        self._process = process
        self._cases = cases
        self._keyring = keyring
        self._entries = entries
        self._days = days
        self._published = PublishedEntries()
        self._behind: dict[str, SubjectSuppressed] = {}

    async def take(self, entries: Sequence[SubjectSuppressed]) -> Collection[str]:
        """Each subject at most once in a batch. No key of theirs is left when this returns, but for those returned:
        their case is about to close, and takes the key that reads its last letter's contact with it. Whose case is
        missing or set back is remembered until `reopen`."""
        cases = {e.subject_id: e async for e in self._cases.erasing([e.subject_id for e in entries])}
        for entry in entries:
            subject_id, destroyed = entry.subject_id, len(entry.keys_destroyed)
            self._published.note(subject_id, destroyed)
            if subject_id not in cases or cases[subject_id].keys_destroyed < destroyed:
                earlier = [self._behind[subject_id]] if subject_id in self._behind else []
                (self._behind[subject_id],) = furthest([*earlier, entry])
        closing = {subject_id for subject_id, case in cases.items() if case.state == "closing"}
        await self._destroy_again(entries, closing)
        return closing

    async def reopen(self) -> None:
        """Call it when every entry was taken."""
        behind = list(self._behind.values())
        for start in range(0, len(behind), AT_ONCE):
            await self._carry_on(behind[start : start + AT_ONCE], datetime.now(UTC))
        appended = await self._append_missing()
        log.info("cases_reopened", count=len(behind), appended=appended)
        self._behind, self._published = {}, PublishedEntries()

    async def _destroy_again(self, entries: Sequence[SubjectSuppressed], closing: Collection[str]) -> None:
        held = await self._keyring.held([entry.subject_id for entry in entries if entry.keys_destroyed])
        due: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for entry in entries:
            needed = {LETTER_READER} if entry.subject_id in closing else frozenset()
            if back := held.get(entry.subject_id, frozenset()).intersection(entry.keys_destroyed) - needed:
                due[tuple(sorted(back))].append(entry.subject_id)
        if not due:
            return
        cases = {entry.subject_id: entry.case_id for entry in entries if entry.subject_id in held}

        async def work(session: Session) -> None:
            await self._keyring.fence(cases, datetime.now(UTC), session)
            await self._keyring.destroy(due, session)

        await in_transaction(self._client, work)
        log.warning("keys_destroyed_again", count=sum(map(len, due.values())))

    async def _carry_on(self, behind: Sequence[SubjectSuppressed], now: datetime) -> None:
        """What settled the orders a case set back still waits for, nobody says again: the entry does."""
        cases = {e.subject_id: e.case_id async for e in self._cases.erasing([entry.subject_id for entry in behind])}
        lost = [self._case(entry, now) for entry in behind if entry.subject_id not in cases]
        if lost:
            await self._process.open(lost, now)
        settled: list[Told] = [
            (cases[entry.subject_id], OrderSettled(order_id, how, now))
            for entry in behind
            if entry.subject_id in cases
            for order_id, how in entry.settled_orders.items()
        ]
        await self._process.tell(settled, now)

    def _case(self, entry: SubjectSuppressed, now: datetime) -> Case:
        """Under its own id while no key was destroyed: its first letter is then the same letter, with the same
        Message-ID. Later under a new one, so that no receipt from before the restore passes for one of today."""
        return Case(
            case_id=new_id() if entry.keys_destroyed else entry.case_id,
            subject_id=entry.subject_id,
            scope="all",
            channel=entry.channel,
            received_at=entry.received_at,
            deadline=deadline(entry.received_at, self._days),
            withdrawals=followed(entry.channel, "all", entry.case_id),
            timeline=(TimelineEntry(at=now, what="case_lost", detail={"lost_case": entry.case_id}),),
        )

    async def _append_missing(self) -> int:
        count = 0
        for group, published in self._published.groups():
            erasing = self._cases.erasing_in(group)
            missing = [e.case_id async for e in erasing if published.get(e.subject_id, -1) < e.keys_destroyed]
            for start in range(0, len(missing), AT_ONCE):
                cases = await self._cases.by_ids(missing[start : start + AT_ONCE])
                now = datetime.now(UTC)
                await self._entries.append([Outgoing(suppression_of(case), new_id(), now) for case in cases.values()])
            count += len(missing)
        return count
