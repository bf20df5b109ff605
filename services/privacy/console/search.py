"""Find a person by phone, e-mail or order number: for a stated reason, on the record, never in an address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import ValidationError

from services.privacy.console.record import Record
from services.privacy.console.roles import Staff
from services.privacy.find_subject import Find, SubjectNotFound, find_subject
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import Entry
from services.privacy.order_store import OrderStore
from shared.sealing.people_index import PeopleIndex

By = Literal["phone", "email", "order_id"]
Reason = Literal["withdrawal", "access", "correction", "complaint", "state_body", "check"]
NOT_ABOUT_A_CASE: Final = ""


class NotSearchable(Exception):
    """What was typed is no phone, e-mail or order number of the kind chosen. Never says what it was."""


@dataclass(frozen=True, slots=True)
class Search:
    keyring: KeyringKeeper
    orders: OrderStore
    people: PeopleIndex
    record: Record

    async def find(self, by: By, value: str, reason: Reason, staff: Staff, now: datetime) -> str | None:
        """The subject id, or None where nobody is held under that. The ledger notes who searched how and why, and
        whom they found: ids and codes. Raises NotSearchable."""
        try:
            find = Find.model_validate({by: value.strip()})
        except ValidationError:
            raise NotSearchable from None
        try:
            subject_id = await find_subject(find, keyring=self.keyring, orders=self.orders, people=self.people)
        except SubjectNotFound:
            subject_id = None
        detail = {"by": staff.account_id, "means": by, "reason": reason, "found": subject_id}
        await self.record.note(Entry("person_searched", NOT_ABOUT_A_CASE, detail), now)
        return subject_id
