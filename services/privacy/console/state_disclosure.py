"""A state body's demand for a person's data (Law 94-V art. 9): what of it is put on record, and by whose approval.

The record holds the demand's reference and the names of the fields; the data themselves are handed over outside of the
console, by an administrator, because the privacy service can open none of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from services.privacy.console.disclosure_register_store import (
    STATE_BODIES,
    AlreadyRecorded,
    Disclosure,
    DisclosureRegisterStore,
)
from services.privacy.console.proposal import Proposal
from services.privacy.console.record import Record
from services.privacy.ledger import Entry
from shared.policy.model import Policy
from shared.policy.working_days import ALMATY
from shared.stores.mongo import Session

PURPOSE: Final = "art. 9"
LegalGround = Literal["criminal_procedure", "court", "enforcement", "state_revenue", "other_law"]
GROUNDS: Final[tuple[LegalGround, ...]] = get_args(LegalGround)


def _no_person(text: str) -> str:
    """What is typed here stays for years and is shown to others: no phone, no IIN, no address for mail."""
    if "@" in text or re.search(r"\d(?:[\s()-]*\d){9,}", text):
        raise ValueError("must not hold a phone number, an IIN or an e-mail address: name the body and its document")
    return text


def _reference(longest: int) -> Any:
    return Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=longest), AfterValidator(_no_person)
    ]


class StateDemand(BaseModel):
    """What the officer enters. `fields`: names of the policy."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    body: _reference(120)  # type: ignore[valid-type]
    legal_ground: LegalGround
    article: _reference(60)  # type: ignore[valid-type]
    document: _reference(40)  # type: ignore[valid-type]
    document_date: date
    fields: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("document_date")
    @classmethod
    def _has_been_written(cls, day: date) -> date:
        if day > datetime.now(ALMATY).date():
            raise ValueError("must not lie in the future: it is the date on the document")
        return day

    def details(self) -> Mapping[str, Any]:
        """As the proposal keeps them."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class StateDisclosures:
    disclosures: DisclosureRegisterStore
    record: Record
    policy: Policy

    async def carry_out(self, proposal: Proposal, now: datetime) -> None:
        """Of an approved proposal, once, however often it is asked for."""
        disclosure = self._disclosure(proposal, now)

        async def add(session: Session) -> None:
            await self.disclosures.add(disclosure, session)

        detail = {
            "subject_id": proposal.subject_id,
            "fields": list(disclosure.fields),
            "legal_ground": disclosure.legal_ground,
        }
        try:
            await self.record.note(Entry("state_disclosure_recorded", proposal.proposal_id, detail), now, add)
        except AlreadyRecorded:
            return

    def _disclosure(self, proposal: Proposal, now: datetime) -> Disclosure:
        recipient, details = self.policy.recipients[STATE_BODIES], proposal.details
        return Disclosure(
            disclosure_id=proposal.proposal_id,
            subject_id=proposal.subject_id,
            recipient=STATE_BODIES,
            fields=tuple(sorted(details["fields"])),
            purpose=PURPOSE,
            basis=f"clause {recipient.clause}; {recipient.basis}",
            disclosed_at=now,
            recipient_name=details["body"],
            legal_ground=details["legal_ground"],
            article=details["article"],
            document=details["document"],
            document_date=details["document_date"],
        )
