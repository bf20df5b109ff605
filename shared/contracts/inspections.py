"""Topics `inspections` and `inspection-answers`: what each store holds of a person, asked and answered.

An access request (Law 94-V art. 10(2), 24(1)(1)) fans out like an erasure. Ids, counts and names of fields travel,
never a value: nothing is opened for an answer.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.erasure import CollectionCount, Store
from shared.contracts.event import Contract, Event, RecordId

MOST_USES = 200

Asker = Literal["intake", "privacy"]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]


class InspectSubject(Event):
    """Say what you hold of the person, and what erasure would do with it. Changes nothing."""

    TOPIC = "inspections"
    PUBLISHERS = ("intake", "privacy")

    inspection_id: RecordId
    asked_by: Asker


class Foreseen(CollectionCount):
    """What erasure would do with one collection's records, counted as its receipt would be (nothing is residual).
    Ground and article are the policy's, where records are kept."""

    ground: str | None = None
    article: str | None = None


class Use(Contract):
    """Somebody opened fields of the person, or received them.

    what: a code of the reader's, for example `shipment`, `order_confirmation`, `my_data`. purpose: its clause, or the
    article a state body refers to. fields: policy names. recipient: a class of the policy; recipient_name: who it is.
    forgotten: what became of the notice to forget."""

    reader: Store
    what: Code
    purpose: str
    fields: tuple[Code, ...]
    at: datetime
    order_id: RecordId | None = None
    channel: Code | None = None
    state: Code | None = None
    recipient: Code | None = None
    recipient_name: str | None = None
    forgotten: Literal["due", "forgotten", "unknown"] | None = None


class SubjectInspected(Event):
    """A store's answer. open_orders: those that a withdrawal now would wait for. uses: newest first, at most 200."""

    TOPIC = "inspection-answers"
    PUBLISHERS = ("intake", "delivery", "notifications", "privacy")

    inspection_id: RecordId
    asked_by: Asker
    store: Store
    inspected_at: datetime
    collections: dict[Code, Foreseen]
    open_orders: tuple[RecordId, ...] = ()
    uses: Annotated[tuple[Use, ...], Field(max_length=MOST_USES)] = ()
