"""Topic `shipments`: what delivery did with a parcel."""

from datetime import datetime

from pydantic import PositiveInt

from shared.contracts.event import Event, RecordId


class ShipmentHandedOver(Event):
    """The parcel and the recipient's sealed fields went to a courier (clause 4.3.2). Names of fields, never values."""

    TOPIC = "shipments"
    PUBLISHERS = ("delivery",)

    shipment_id: RecordId
    order_id: RecordId
    handed_over_at: datetime
    recipient: str
    disclosed_fields: tuple[str, ...]


class CorrectionDisclosed(Event):
    """The courier of a parcel on its way was told what the person corrected (clauses 4.1.2, 4.3.2). sequence: the
    correction's. Names of fields, never values."""

    TOPIC = "shipments"
    PUBLISHERS = ("delivery",)

    shipment_id: RecordId
    order_id: RecordId
    sequence: PositiveInt
    disclosed_at: datetime
    recipient: str
    disclosed_fields: tuple[str, ...]


class ShipmentDelivered(Event):
    """The obligation to deliver is fulfilled; an erasure waiting for it goes on."""

    TOPIC = "shipments"
    PUBLISHERS = ("delivery",)

    shipment_id: RecordId
    order_id: RecordId
    delivered_at: datetime


class ShipmentReturned(Event):
    """The parcel came back; the obligation has ended without delivery."""

    TOPIC = "shipments"
    PUBLISHERS = ("delivery",)

    shipment_id: RecordId
    order_id: RecordId
    returned_at: datetime
