"""What a case is told (facts), what it asks for (effects), and what the policy says of the process (rules)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.policy.model import Policy

LetterKind = Literal["received", "deferred", "done", "promotions_stopped"]


class Contact(BaseModel):
    """The person's contact, sealed by intake for the privacy service; gone with the last letter."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_id: str
    event_type: str
    envelope: bytes = Field(repr=False)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy says of the process: who must answer, whose keys there are, how long caches may live."""

    stores: tuple[str, ...]
    readers: tuple[str, ...]
    deferring_readers: tuple[str, ...]
    cache_bound: timedelta
    letter_reader: str = "privacy"

    @classmethod
    def of(cls, policy: Policy, cache_bound: timedelta) -> "Rules":
        return cls(policy.erasing_stores, tuple(policy.readers), policy.deferring_stores, cache_bound)

    @property
    def second_pass_after(self) -> timedelta:
        """Twice the cache bound, from when the destruction of keys began: once for what services remember of what they
        read before its commit, once more for that transaction itself and for what was looked up with a remembered key
        in the last moment and is still being written (docs/protocol)."""
        return 2 * self.cache_bound


# Facts: what the case is told.
@dataclass(frozen=True, slots=True)
class StoreRestricted:
    store: str
    at: datetime
    open_orders: tuple[str, ...] = ()
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class OrderSettled:
    """ShipmentDelivered, ShipmentReturned or OrderCancelled: the obligation has ended."""

    order_id: str
    how: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptCame:
    """A store's receipt for a round, its signature already verified. `receipt` is the signed JSON object."""

    store: str
    round: int
    receipt: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecipientAnswered:
    disclosure_id: str
    recipient: str
    answer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TimeCame:
    """The clock passed `due_at`."""


@dataclass(frozen=True, slots=True)
class LetterSettled:
    """Sent, or given up on for a stated reason."""

    kind: LetterKind
    outcome: str


Fact = StoreRestricted | OrderSettled | ReceiptCame | RecipientAnswered | TimeCame | LetterSettled


# Effects: what has to be done, in the transaction that stores the case.
@dataclass(frozen=True, slots=True)
class Fence:
    """No more sealing for this subject."""


@dataclass(frozen=True, slots=True)
class Restrict:
    stores: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erase:
    stores: tuple[str, ...]
    round: int
    open_orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DestroyKeys:
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SendLetter:
    kind: LetterKind


@dataclass(frozen=True, slots=True)
class Certify:
    """Issue the certificate of the closed case."""


Effect = Fence | Restrict | Erase | DestroyKeys | SendLetter | Certify
