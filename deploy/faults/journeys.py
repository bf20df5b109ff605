"""What people do, as stories: a part in peace, then the part in which the fault strikes.

Every step of the second part is a cell of the crash matrix. `expected` says what is to have become of the person when
all has come to rest, whatever was killed.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from deploy.faults.desk import Desk
from deploy.faults.people import Person

CONFIRMED = "Your order is confirmed"
ON_ITS_WAY, AT_THE_DOOR = "Your parcel is on its way", "Your order has been delivered"
RECEIVED, DEFERRED = "We have received your withdrawal of consent", "Part of your data is kept until your order arrives"
STOPPED, DONE = "You will get no more promotions from us", "Your personal data has been erased"


@dataclass(slots=True)
class Story:
    """A person, what happened, and what must be true in the end.

    orders: order id → the status all services must come to. mails: subject → how many. scopes: of the cases that were
    opened. promotions: whether the person's consent to them lives."""

    person: Person
    subject_id: str = ""
    orders: dict[str, str] = field(default_factory=dict)
    mails: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    waybills: int = 0
    scopes: list[str] = field(default_factory=list)
    promotions: bool = True

    @property
    def erased(self) -> bool:
        return "all" in self.scopes

    async def place(self, desk: Desk) -> str:
        order_id, self.subject_id = await desk.place(self.person)
        self.orders[order_id] = "placed"
        self.mails[CONFIRMED] += 1
        self.promotions = True
        return order_id

    async def deliver(self, desk: Desk, order_id: str) -> None:
        await desk.deliver(order_id)
        self.orders[order_id] = "delivered"
        self.waybills += 1
        if not self.erased:
            self.mails.update((ON_ITS_WAY, AT_THE_DOOR))
            self.texts += 2

    async def withdraw(self, desk: Desk, order_id: str, scope: str) -> None:
        await desk.withdraw(order_id, scope)
        self.opened(scope)

    def opened(self, scope: str) -> None:
        self.scopes.append(scope)
        self.promotions = False
        if scope == "promotions":
            self.mails[STOPPED] += 1
        else:
            self.mails.update((RECEIVED, DONE))


Act = Callable[[Desk, Story], Awaitable[None]]


async def nothing(desk: Desk, story: Story) -> None:
    return None


async def place(desk: Desk, story: Story) -> None:
    await story.place(desk)


async def deliver(desk: Desk, story: Story) -> None:
    (order_id,) = story.orders
    await story.deliver(desk, order_id)


async def correct(desk: Desk, story: Story) -> None:
    """Promotions are switched off, and on again with the next order."""
    (order_id,) = story.orders
    await story.withdraw(desk, order_id, "promotions")
    await desk.case_in(story.subject_id, "promotions", "closed")
    await story.place(desk)


async def stop(desk: Desk, story: Story) -> None:
    """Promotions are switched off through the privacy officer, not the shop."""
    (order_id,) = story.orders
    await desk.privacy.post("/v1/withdrawals", {"find": {"order_id": order_id}, "scope": "promotions"})
    story.opened("promotions")


async def one_parcel_here_one_on_its_way(desk: Desk, story: Story) -> None:
    await story.deliver(desk, await story.place(desk))
    await story.place(desk)


async def erase(desk: Desk, story: Story) -> None:
    """All consent is withdrawn while a parcel is open: what its delivery needs waits for it, and then goes."""
    *_, open_order = story.orders
    await story.withdraw(desk, open_order, "all")
    story.mails[DEFERRED] += 1
    await desk.case_in(story.subject_id, "all", "deferred")
    await story.deliver(desk, open_order)


@dataclass(frozen=True, slots=True)
class Journey:
    in_peace: Act
    act: Act


JOURNEYS: Final[Mapping[str, Journey]] = {
    "placing": Journey(nothing, place),
    "delivering": Journey(place, deliver),
    "correcting": Journey(place, correct),
    "erasing": Journey(one_parcel_here_one_on_its_way, erase),
    "stopping": Journey(place, stop),
}
KILLED_IN: Final = ("placing", "delivering", "correcting", "erasing")  # `stopping` takes the steps of `correcting`
