"""A running stack as its people meet it: a shop, an operator, a privacy officer, and whoever gets the mail."""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import httpx

from deploy.demo.patient import PatientApi
from deploy.demo.topics import everything
from deploy.local.outside import jsonl
from deploy.local.stack import LocalStack
from services.privacy.verify_certificate import failures
from shared.contracts.orders import OrderPlaced
from shared.contracts.personal import PersonalData
from shared.messaging.cloudevents import Received, new_id, read
from shared.policy.load import load_policy
from shared.stores.mongo import connect
from shared.stores.receipts import PublicKeys
from tests.builders import a_person, order_form
from tests.integration.services.clients import until

FINAL = ("closed",)


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    subject_id: str
    shipment_id: str = ""


def somebody(name: str, number: int, **changes: Any) -> PersonalData:
    """A person whom nobody else has the phone or the e-mail address of. `number` below 1,000."""
    return a_person(**{"phone": f"+7700111{number:04}", "email": f"{name}@example.kz", **changes})


class World:
    """`through`: service → how requests get to it, by default straight to its first replica."""

    def __init__(self, stack: LocalStack, through: Mapping[str, httpx.AsyncBaseTransport]) -> None:
        tokens = stack.info.tokens
        self.stack, self.policy = stack, load_policy()

        def api(service: str, token: str) -> PatientApi:
            return PatientApi(stack.info.services[service].url, token, through.get(service))

        self.shop, self.delivery = api("intake", tokens.shop), api("delivery", tokens.operator)
        self.notifications, self.privacy = api("notifications", tokens.operator), api("privacy", tokens.officer)
        self.admin = connect(stack.info.mongodb.uri, service="test")

    async def place(self, person: PersonalData, *, key: str | None = None, **choices: Any) -> Order:
        answer = await self.shop.post("/v1/orders", order_form(person, **choices), key=key or new_id())
        return Order(answer["order_id"], answer["subject_id"])

    async def parcel_of(self, order: Order) -> Order:
        """The order with its shipment, once delivery has heard of it."""

        async def ask() -> list[dict[str, Any]]:
            return list((await self.delivery.get("/v1/shipments", order_id=order.order_id))["shipments"])

        (shipment,) = await until(ask, len)
        return Order(order.order_id, order.subject_id, shipment["shipment_id"])

    async def operate(self, order: Order, act: str) -> dict[str, Any]:
        """`hand-over`, `deliver` or `return` the parcel."""
        return cast(dict[str, Any], await self.delivery.post(f"/v1/shipments/{order.shipment_id}/{act}"))

    async def withdraw(self, **request: Any) -> str:
        """`phone`, `email` or `order_id`, and what else a withdrawal may say. Returns the case id."""
        find = {name: request.pop(name) for name in ("phone", "email", "order_id") if name in request}
        answer = await self.privacy.post("/v1/withdrawals", {"find": find, "channel": "phone", **request})
        return str(answer["case_id"])

    async def case(self, case_id: str, *states: str) -> dict[str, Any]:
        """The case, once it is in one of the states (closed)."""

        async def ask() -> dict[str, Any]:
            return cast(dict[str, Any], await self.privacy.get(f"/v1/cases/{case_id}"))

        return await until(ask, lambda case: case["state"] in (states or FINAL))

    async def certificate(self, case_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], await self.privacy.get(f"/v1/cases/{case_id}/certificate"))

    def wrong_with(self, certificate: dict[str, Any], stranger: Path) -> list[str]:
        """What a stranger finds who has a copy of the public keys in an empty folder and nothing else."""
        shutil.copytree(self.stack.layout.keys / "public", stranger, dirs_exist_ok=True)
        return failures(certificate, PublicKeys.from_folder(stranger))

    def mails_to(self, person: PersonalData) -> list[EmailMessage]:
        """In the order of their arrival."""
        paths = sorted(self.stack.layout.mail_dir.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        mails = [cast(EmailMessage, message_from_bytes(path.read_bytes(), policy=default)) for path in paths]
        return [mail for mail in mails if mail["To"] == person.email]

    def subjects_to(self, person: PersonalData) -> list[str]:
        return [mail["Subject"] for mail in self.mails_to(person)]

    async def written_to(self, person: PersonalData, *subjects: str) -> None:
        """Wait until mails with these subjects have arrived."""

        async def ask() -> list[str]:
            return self.subjects_to(person)

        await until(ask, lambda found: set(subjects) <= set(found))

    async def messages_of(self, order: Order, holds: Callable[[list[dict[str, Any]]], Any]) -> list[dict[str, Any]]:
        """Of the notifications service, once that holds."""

        async def ask() -> list[dict[str, Any]]:
            return list((await self.notifications.get("/v1/messages", order_id=order.order_id))["messages"])

        return await until(ask, holds)

    def waybills_of(self, order: Order) -> list[dict[str, Any]]:
        lines = jsonl.read(self.stack.layout.partner_log)
        return [line for line in lines if line.get("reference") == order.shipment_id]

    async def placed_event(self, order: Order) -> Received[OrderPlaced]:
        """As it lies in Kafka."""

        async def ask() -> list[Received[OrderPlaced]]:
            records = await everything(self.stack.info.kafka.address, ["orders"])
            return [
                read(record)
                for record in records
                if record.key == order.subject_id.encode() and order.order_id.encode() in (record.value or b"")
            ]

        return (await until(ask, len))[0]

    async def records_of(self, subject_id: str) -> dict[str, int]:
        """`store.collection` → how many of its documents are this subject's; those with none are left out."""
        counts = {
            f"{store}.{name}": await self.admin[store][name].count_documents({plan.subject: subject_id})
            for store, row in self.policy.stores.items()
            for name, plan in row.collections.items()
            if plan.subject and not plan.transient
        }
        return {place: count for place, count in counts.items() if count}

    async def personal_paths_of(self, subject_id: str) -> list[str]:
        """`store.collection.path` of everything sealed, or to be emptied, that this subject's records still hold."""
        found = []
        for store, row in self.policy.stores.items():
            for name, plan in row.collections.items():
                for path in {*plan.unset, *([plan.sealed] if plan.sealed else [])} if plan.subject else ():
                    query = {"$and": [{plan.subject: subject_id}, {path: {"$nin": [None, {}]}}]}
                    if not plan.transient and await self.admin[store][name].count_documents(query):
                        found.append(f"{store}.{name}.{path}")
        return found

    async def keyring_document(self, subject_id: str) -> dict[str, Any]:
        found = await self.admin["keyring"]["subjects"].find_one({"_id": subject_id})
        assert found is not None
        return dict(found)

    def logged(self, service: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Replica and line, of all replicas of the service."""
        for path in sorted(self.stack.layout.log.glob(f"{service}*.log")):
            yield from ((path.stem, json.loads(line)) for line in path.read_text().splitlines() if line.endswith("}"))

    def faults_logged(
        self, services: Collection[str] = ("intake", "delivery", "notifications", "privacy")
    ) -> list[str]:
        """Names of the events the services logged as errors."""
        lines = [line for service in services for _, line in self.logged(service)]
        return [f"{line['service']}: {line['event']}" for line in lines if line["level"] in ("error", "critical")]


@asynccontextmanager
async def world_of(
    stack: LocalStack, through: Mapping[str, httpx.AsyncBaseTransport] = MappingProxyType({})
) -> AsyncIterator[World]:
    world = World(stack, through)
    try:
        yield world
    finally:
        for api in (world.shop, world.delivery, world.notifications, world.privacy):
            await api.close()
        world.admin.close()
