"""Topic `orders`: what intake accepted."""

from datetime import datetime
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.contracts.event import Envelope, Event, RecordId


class OrderPlaced(Event):
    """A person's order, accepted and durable. `sealed` holds one envelope per reader the policy names."""

    TOPIC = "orders"
    PUBLISHERS = ("intake",)

    order_id: RecordId
    placed_at: datetime
    payment_method: Literal["prepaid", "on_delivery"]
    consent_id: RecordId
    promotions: bool = Field(description="Whether the person chose to hear of promotions (clause 3.2.8).")
    item_count: NonNegativeInt
    sealed: dict[str, Envelope] = Field(repr=False)


class OrderCancelled(Event):
    """The order will not be delivered; nothing was handed to a courier."""

    TOPIC = "orders"
    PUBLISHERS = ("intake",)

    order_id: RecordId
    cancelled_at: datetime


class OrderCorrected(Event):
    """The person corrected fields of the order (clauses 4.1.2, 4.2.1). `sealed` holds whole envelopes, for those of the
    order's readers whom a corrected field is granted to.

    It restates what a reader keeps of an order, because it may come before the order itself. Of two corrections the one
    with the greater `sequence`, counted per person, holds."""

    TOPIC = "orders"
    PUBLISHERS = ("intake",)

    order_id: RecordId
    placed_at: datetime
    payment_method: Literal["prepaid", "on_delivery"]
    sequence: PositiveInt
    corrected_at: datetime
    fields: tuple[str, ...] = Field(description="Policy names of what was corrected; never a value.")
    sealed: dict[str, Envelope] = Field(repr=False)
