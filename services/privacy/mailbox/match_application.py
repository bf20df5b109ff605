"""Match a written application to a person, and be sure that it is theirs (clause 5.9.1; Law 94-V art. 8(7)).

Who writes from an address registered for the person is taken to be them; of anybody else proof is asked. The sender's
address is read where the mail is and looked up in the blind index; nothing of it is kept.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from services.privacy.console.roles import Staff
from services.privacy.console.search import By, Search
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.mailbox.application import Application, Proof
from services.privacy.mailbox.application_steps import ApplicationSteps
from services.privacy.mailbox.read_mail import Mail, vouched_for
from shared.contracts.kazakhstan import Email
from shared.policy.rows import Language
from shared.sealing.people_index import PeopleIndex

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


class NobodyHeld(Exception):
    def __init__(self) -> None:
        super().__init__("Nobody is held under that. Check it with the writer.")


class NotMatched(Exception):
    def __init__(self) -> None:
        super().__init__("The application is matched to nobody yet: find the person first.")


@dataclass(frozen=True, slots=True)
class RegisteredAddresses:
    """`authserv_id`: the server that vouches for senders; where there is none, a sender is believed."""

    keyring: KeyringKeeper
    people: PeopleIndex
    authserv_id: str | None = None

    async def subject_of(self, mail: Mail | None) -> str | None:
        """Whose address it came from; None for nobody's, for what is no address, and for a sender that the mail server
        does not vouch for."""
        if mail is None or (self.authserv_id is not None and not vouched_for(mail, self.authserv_id)):
            return None
        try:
            email = _EMAIL.validate_python(mail.sender)
        except ValidationError:
            return None
        return await self.keyring.find(self.people.entry("email", email))


@dataclass(frozen=True, slots=True)
class ApplicationMatching:
    steps: ApplicationSteps
    search: Search
    addresses: RegisteredAddresses

    async def match(
        self, application: Application, by: By, value: str, mail: Mail | None, staff: Staff, now: datetime
    ) -> None:
        """`mail`: None where it can't be read now. Raises NotSearchable, NobodyHeld, MovedMeanwhile."""
        subject_id = await self.search.find(by, value, "withdrawal", staff, now)
        if subject_id is None:
            raise NobodyHeld
        known = await self.addresses.subject_of(mail) == subject_id
        changes = {"subject_id": subject_id, "matched_by": by, "sender_known": known, "proof": None}
        detail = {"by": staff.account_id, "means": by, "subject_id": subject_id, "sender_known": known}
        await self.steps.step(application, "application_matched", now, to="matched", changes=changes, detail=detail)

    async def ask_proof(self, application: Application, language: Language, staff: Staff, now: datetime) -> None:
        """Write to the sender, in their language. Raises MovedMeanwhile."""
        detail = {"by": staff.account_id, "language": language}
        await self.steps.step(
            application,
            "application_proof_asked",
            now,
            to="proof_asked",
            reply="proof_wanted",
            language=language,
            changes={"language": language},
            detail=detail,
        )

    async def accept_proof(self, application: Application, proof: Proof, staff: Staff, now: datetime) -> None:
        """Raises NotMatched, MovedMeanwhile."""
        if application.subject_id is None:
            raise NotMatched
        detail = {"by": staff.account_id, "reason": proof}
        await self.steps.step(
            application, "application_proof_accepted", now, to="matched", changes={"proof": proof}, detail=detail
        )
