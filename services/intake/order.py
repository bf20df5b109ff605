"""An order on its way in: what is asked for, and what is answered."""

from dataclasses import dataclass
from typing import Literal

from services.intake.order_form import OrderForm
from services.intake.order_store import Status

Channel = Literal["shop", "web"]  # a shop's program, or the person on our own page


@dataclass(frozen=True, slots=True)
class Face:
    """How a person shows: blind-index entries of phone and e-mail. Who asks to be called gives no e-mail."""

    phone: str
    email: str | None = None

    @property
    def entries(self) -> tuple[str, ...]:
        """The phone's first: it decides."""
        return (self.phone,) if self.email is None else (self.phone, self.email)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to place, and how its person shows.

    key: keyed hash of the shop's idempotency key, with a `fingerprint` of the request sent under it; a random id,
    and no fingerprint, for a request that can't be repeated. channel: how it came, kept with the consent. traceparent:
    of the request, because orders of many are placed together.
    """

    form: OrderForm
    face: Face
    key: str
    fingerprint: str | None = None
    channel: Channel = "shop"
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """The order is durable."""

    order_id: str
    subject_id: str
    amount_kzt: int
    status: Status = "placed"


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Another request was answered under this idempotency key: this one was not carried out."""


Outcome = Placed | KeyReused
