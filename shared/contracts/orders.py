"""Topic `orders`: what intake accepted."""

from datetime import datetime
from typing import Literal

from pydantic import Field, NonNegativeInt

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
