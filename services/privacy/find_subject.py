"""Find the subject a request is about: by phone, e-mail (blind index) or order number."""

import asyncio

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.order_store import OrderStore
from shared.contracts.event import RecordId
from shared.contracts.kazakhstan import Email, Phone
from shared.sealing.people_index import PeopleIndex

ORDER_EVENT_WAIT_SECONDS = 3.0


class Find(BaseModel):
    """Exactly one way to find the person. Prints nothing of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    phone: Phone | None = Field(default=None, repr=False)
    email: Email | None = Field(default=None, repr=False)
    order_id: RecordId | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Find":
        if sum(value is not None for value in (self.phone, self.email, self.order_id)) != 1:
            raise ValueError("name exactly one of phone, email, order_id")
        return self


class SubjectNotFound(Exception):
    def __init__(self) -> None:
        super().__init__(
            "Nobody is held under that phone, e-mail or order number. Check it with the writer; "
            "a person who was already erased is not found either, and the earlier case says so."
        )


async def find_subject(find: Find, *, keyring: KeyringKeeper, orders: OrderStore, people: PeopleIndex) -> str:
    """The subject id. Raises SubjectNotFound."""
    subject_id: str | None
    if find.phone is not None:
        subject_id = await keyring.find(people.entry("phone", find.phone))
    elif find.email is not None:
        subject_id = await keyring.find(people.entry("email", find.email))
    else:
        subject_id = await _by_order(str(find.order_id), orders)
    if subject_id is None:
        raise SubjectNotFound
    return subject_id


async def _by_order(order_id: str, orders: OrderStore) -> str | None:
    """An order accepted a moment ago may still be on its way here as an event: wait for it briefly."""
    waited = 0.0
    while (subject_id := await orders.subject_of(order_id)) is None and waited < ORDER_EVENT_WAIT_SECONDS:
        await asyncio.sleep(0.2)
        waited += 0.2
    return subject_id
