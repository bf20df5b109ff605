"""Every message, in one list: what the AsyncAPI document, the schema snapshots and the consumers go by."""

from shared.contracts.cases import CaseMoved
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn
from shared.contracts.erasure import (
    EraseSubject,
    RecipientAnswered,
    RestrictSubject,
    SubjectErased,
    SubjectRestricted,
)
from shared.contracts.event import Event, Message
from shared.contracts.inspections import InspectSubject, SubjectInspected
from shared.contracts.ledger import LedgerHeadMoved
from shared.contracts.orders import OrderCancelled, OrderCorrected, OrderPlaced
from shared.contracts.shipments import CorrectionDisclosed, ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.contracts.store_samples import StoreSampled
from shared.contracts.suppressions import SubjectSuppressed

EVENTS: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderCancelled,
    OrderCorrected,
    ShipmentHandedOver,
    CorrectionDisclosed,
    ShipmentDelivered,
    ShipmentReturned,
    ConsentGiven,
    ConsentWithdrawn,
    RestrictSubject,
    EraseSubject,
    SubjectRestricted,
    SubjectErased,
    RecipientAnswered,
    SubjectSuppressed,
    InspectSubject,
    SubjectInspected,
    CaseMoved,
)
CONSUMED: tuple[type[Message], ...] = (*EVENTS, StoreSampled)
PUBLISHED: tuple[type[Message], ...] = (*CONSUMED, LedgerHeadMoved)
