"""Topics `erasure-<store>` and `erasure-receipts`: the privacy service's commands and the stores' answers."""

from datetime import datetime
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.contracts.consents import Scope
from shared.contracts.event import Contract, Envelope, Event, RecordId

Store = Literal["intake", "delivery", "notifications", "privacy"]


class RestrictSubject(Event):
    """Stop processing at once (Law 94-V art. 1(3), 8(7)). Scope `promotions` stops purpose 3.2.8 only."""

    TOPIC = "erasure-{store}"
    PUBLISHERS = ("privacy",)

    case_id: RecordId
    store: Store
    scope: Scope

    def topic(self) -> str:
        return f"erasure-{self.store}"


class EraseSubject(Event):
    """Run the policy's plan for this store. Records of `open_orders` wait, where the policy lets them."""

    TOPIC = "erasure-{store}"
    PUBLISHERS = ("privacy",)

    case_id: RecordId
    store: Store
    round: PositiveInt
    open_orders: tuple[RecordId, ...] = ()

    def topic(self) -> str:
        return f"erasure-{self.store}"


class Signature(Contract):
    """Base64 of Ed25519 (RFC 8032) over the RFC 8785 canonical JSON of the signed object without this member."""

    key_id: str
    value: str


class SubjectRestricted(Event):
    """A store stopped, and says which orders still bind the controller. Intake adds the contact for letters."""

    TOPIC = "erasure-receipts"
    PUBLISHERS = ("intake", "delivery", "notifications", "privacy")

    case_id: RecordId
    store: Store
    scope: Scope
    restricted_at: datetime
    records: NonNegativeInt
    open_orders: tuple[RecordId, ...]
    sealed: dict[str, Envelope] = Field(default_factory=dict, repr=False)


class CollectionCount(Contract):
    """One collection's outcome for one subject. matched = destroyed + depersonalised + deferred + kept + residual."""

    matched: NonNegativeInt = 0
    destroyed: NonNegativeInt = 0
    depersonalised: NonNegativeInt = 0
    deferred: NonNegativeInt = 0
    kept: NonNegativeInt = 0
    residual: NonNegativeInt = 0


class SubjectErased(Event):
    """A store's signed receipt for one round."""

    TOPIC = "erasure-receipts"
    PUBLISHERS = ("intake", "delivery", "notifications", "privacy")

    case_id: RecordId
    store: Store
    round: PositiveInt
    erased_at: datetime
    collections: dict[str, CollectionCount]
    disclosures: tuple[RecordId, ...] = ()
    signature: Signature | None = None


class RecipientAnswered(Event):
    """A recipient from the disclosure log answered the notice to forget (clause 4.3.2)."""

    TOPIC = "erasure-receipts"
    PUBLISHERS = ("delivery",)

    case_id: RecordId
    disclosure_id: RecordId
    recipient: str
    answer: Literal["forgotten", "unknown"]
    answered_at: datetime
