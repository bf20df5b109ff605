"""A written application: what is known of a mail without what it says. Nothing in it is of the mail's content.

new ─► matched ─► (proposed to an approver) ─► case ─► its mail is deleted when the case is closed
 └► proof_asked ─►┘  └► refused, answered ─► its mail is deleted after a period
"""

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.policy.rows import Language

State = Literal["new", "matched", "proof_asked", "case", "answered", "refused"]
OPEN: Final[tuple[State, ...]] = ("new", "matched", "proof_asked")
SETTLED: Final[tuple[State, ...]] = ("answered", "refused")
MatchedBy = Literal["sender", "phone", "email", "order_id"]
Proof = Literal["wrote_from_registered_address", "gave_order_number_and_phone", "called_back", "document_seen"]


class Application(BaseModel):
    """`validity` and `uids`: where the mail is, more than once if it was delivered so. `language`: guessed from it.
    `automatic`: no person wrote it. `follows`: the application whose reply this mail answers. `sender_known`: it came
    from an address registered for the person it was matched to. `proof`: what else showed that they are the writer.
    `deleted_at`: since when the mail is not at the server any more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    application_id: str
    validity: int
    uids: tuple[int, ...]
    received_at: datetime
    taken_at: datetime
    language: Language | None = None
    automatic: bool = False
    follows: str | None = None
    state: State = "new"
    moved_at: datetime
    subject_id: str | None = None
    matched_by: MatchedBy | None = None
    sender_known: bool = False
    proof: Proof | None = None
    proposal_id: str | None = None
    case_id: str | None = None
    deleted_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_proven(self) -> bool:
        """Whether the writer is known to be the person, so that it can become a case."""
        return self.subject_id is not None and (self.sender_known or self.proof is not None)
