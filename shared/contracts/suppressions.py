"""Topic `suppressions`: who was erased, kept outside MongoDB and its backups: no restore brings anybody back."""

from datetime import datetime

from pydantic import Field

from shared.contracts.erasure import Store
from shared.contracts.event import Event, RecordId


class SubjectSuppressed(Event):
    """A withdrawal of everything was accepted, or keys are about to be destroyed: acknowledged before they are.

    keys_destroyed: the readers whose keys are gone; none yet where the withdrawal was just accepted. Of one subject's
    entries the one that names most readers counts. open_orders: whose records still wait. settled_orders: order →
    delivered, returned or cancelled, of those that waited. The rest is what the case is opened with again."""

    TOPIC = "suppressions"
    PUBLISHERS = ("privacy",)

    case_id: RecordId
    channel: str
    received_at: datetime
    keys_destroyed: tuple[Store, ...] = ()
    open_orders: tuple[RecordId, ...] = ()
    settled_orders: dict[RecordId, str] = Field(default_factory=dict)
