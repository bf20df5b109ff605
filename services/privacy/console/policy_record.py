"""Keep which policy the service runs under since when, so that a change of who may see what has a date (clause 5.8)."""

from dataclasses import dataclass
from datetime import datetime

from services.privacy.console.policy_record_store import AlreadyNoted, PolicyRecordStore
from services.privacy.console.policy_rows import rows_of
from services.privacy.console.record import Record
from services.privacy.ledger import Entry
from shared.policy.model import Policy
from shared.policy.working_days import ALMATY
from shared.stores.mongo import Session


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    policies: PolicyRecordStore
    record: Record
    policy: Policy

    async def note(self, now: datetime) -> None:
        """At the service's start. The policy that is on record already is not noted again."""
        digest = self.policy.digest
        version = self.policy.version_at(now.astimezone(ALMATY).date()).version
        if await self.policies.newest_sha256() == digest:
            return

        async def add(session: Session) -> None:
            await self.policies.add(digest, version, rows_of(self.policy), now, session)

        try:
            await self.record.note(Entry("policy_in_force", "policy", {"sha256": digest, "version": version}), now, add)
        except AlreadyNoted:
            return
