"""A steady stream of orders, each by somebody new; every so often one is cancelled and its person withdraws."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

from deploy.demo.patient import PatientApi
from deploy.demo.people import order_of, somebody_new
from shared.messaging.cloudevents import new_id

WITHDRAWS_EVERY = 50
AT_ONCE = 64


@dataclass(slots=True)
class Load:
    """`accepted`: order id → its person's e-mail; `leaving`: those of them whose person withdraws."""

    shop: PatientApi
    policy_version: str
    accepted: dict[str, str] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def burst(self, seconds: float, connections: int = 16) -> None:
        """As many as it takes, for so long."""
        end = time.monotonic() + seconds

        async def connection() -> None:
            while time.monotonic() < end:
                await self._place(next(self._numbers))

        await asyncio.gather(*(connection() for _ in range(connections)))

    async def steady(self, rate: float, seconds: float) -> None:
        """`rate` orders a second. Whoever has to wait for a service on its way back holds up nobody else, until
        AT_ONCE wait."""
        places = asyncio.Semaphore(AT_ONCE)
        start = time.monotonic()

        async def one() -> None:
            try:
                await self._customer()
            finally:
                places.release()

        async with asyncio.TaskGroup() as group:
            for n in itertools.count():
                due = start + n / rate
                if due > start + seconds:
                    return
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await places.acquire()
                group.create_task(one())

    async def _customer(self) -> None:
        number = next(self._numbers)
        order_id = await self._place(number)
        if number % WITHDRAWS_EVERY == 0:
            self.leaving.add(order_id)
            await self.shop.post(f"/v1/orders/{order_id}/cancel")
            await self.shop.post(f"/v1/orders/{order_id}/withdraw-consent", {"scope": "all"}, key=new_id())

    async def _place(self, number: int) -> str:
        person = somebody_new("soak", number)
        answer = await self.shop.post("/v1/orders", order_of(person, self.policy_version), key=f"soak-{number}")
        order_id = str(answer["order_id"])
        self.accepted[order_id] = person["email"]
        return order_id
