"""A running stack as its people use it: a shop, a delivery operator, a privacy officer, whoever gets the mail."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any, TypeVar

import httpx
from pymongo.errors import PyMongoError

from deploy.demo.patient import PatientApi
from deploy.faults.mesh import Mesh, Trap
from deploy.faults.people import Person
from deploy.local.outside import jsonl
from deploy.local.stack import LocalStack
from shared.messaging.cloudevents import new_id
from shared.policy.load import load_policy
from shared.stores.mongo import connect

PATIENCE_SECONDS = 90.0
STRIKE_SECONDS = 1.5
T = TypeVar("T")


class NotConverged(Exception):
    """`unmet`: what had still not come true."""

    def __init__(self, unmet: list[str]) -> None:
        self.unmet = unmet
        super().__init__("; ".join(unmet))


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], Any], what: str) -> T:
    """Ask until the answer holds. Raises NotConverged."""
    give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            if holds(answer := await ask()):
                return answer
        except (httpx.TransportError, PyMongoError):
            pass
        if asyncio.get_running_loop().time() > give_up_at:
            raise NotConverged([what])
        await asyncio.sleep(0.1)


class Desk:
    def __init__(self, stack: LocalStack, mesh: Mesh) -> None:
        info = stack.info
        self.stack, self.mesh, self.policy = stack, mesh, load_policy()
        self.version = self.policy.version_at(datetime.now(UTC).date()).version
        self.shop = PatientApi(info.services["intake"].url, info.tokens.shop)
        self.delivery = PatientApi(info.services["delivery"].url, info.tokens.operator)
        self.privacy = PatientApi(info.services["privacy"].url, info.tokens.officer)
        self.admin = connect(info.mongodb.uri, service="crash-matrix")
        self.numbers = itertools.count(1)
        self.stories: list[Any] = []

    async def struck(self, trap: Trap) -> bool:
        """Whether a trap has been sprung, or is in a moment: some steps are taken when all there is to see is there."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STRIKE_SECONDS):
                await trap.sprung.wait()
        return trap.sprung.is_set()

    async def close(self) -> None:
        for api in (self.shop, self.delivery, self.privacy):
            await api.close()
        self.admin.close()

    async def place(self, person: Person) -> tuple[str, str]:
        """Order id and subject id."""
        answer = await self.shop.post("/v1/orders", person.order(self.version), key=new_id())
        return answer["order_id"], answer["subject_id"]

    async def withdraw(self, order_id: str, scope: str) -> None:
        await self.shop.post(f"/v1/orders/{order_id}/withdraw-consent", {"scope": scope}, key=new_id())

    async def shipment_of(self, order_id: str) -> str:
        async def ask() -> list[dict[str, Any]]:
            return list((await self.delivery.get("/v1/shipments", order_id=order_id))["shipments"])

        (shipment,) = await until(ask, len, "delivery has heard of the order")
        return str(shipment["shipment_id"])

    async def deliver(self, order_id: str) -> None:
        shipment = await self.shipment_of(order_id)
        for act in ("hand-over", "deliver"):
            await self.delivery.post(f"/v1/shipments/{shipment}/{act}")

    async def cases_of(self, subject_id: str) -> list[dict[str, Any]]:
        return await self.admin["privacy"]["cases"].find({"subject_id": subject_id}).to_list(None)

    async def case_in(self, subject_id: str, scope: str, *states: str) -> None:
        """Wait for the person's case of that scope to be in one of these states."""

        async def ask() -> list[str]:
            return [case["state"] for case in await self.cases_of(subject_id) if case["scope"] == scope]

        await until(ask, lambda found: set(found) & set(states), f"the case is {' or '.join(states)}")

    def subjects_to(self, person: Person) -> list[str]:
        """Of the mails in the person's mailbox, as its receiver keeps them: one for each Message-ID."""
        mails = (message_from_bytes(path.read_bytes(), policy=default) for path in self._new_mails())
        return [str(mail["Subject"]) for mail in mails if mail["To"] == person.email]

    def texts_to(self, person: Person) -> int:
        return sum(line["to"] == person.phone for line in jsonl.read(self.stack.layout.sms_log))

    def waybills_of(self, shipment_id: str) -> int:
        lines = jsonl.read(self.stack.layout.partner_log)
        return sum(line.get("reference") == shipment_id for line in lines)

    def _new_mails(self) -> list[Any]:
        return sorted(self.stack.layout.mail_dir.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
