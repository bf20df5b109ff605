"""The delivery service's acts over a real store, as its own MongoDB user, with a partner of the test's making."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from faststream.kafka import KafkaBroker

from deploy.local.outside.courier_partner import courier_partner
from deploy.local.stack import LocalStack
from services.delivery.courier_partner import RECIPIENT, CourierPartner
from services.delivery.disclose_fields import FieldDisclosure
from services.delivery.disclosure_store import DisclosureStore
from services.delivery.hand_to_courier import HandToCourier
from services.delivery.settle_shipment import SettleShipment
from services.delivery.shipment_store import Shipment, ShipmentStore, shipment_id_of
from services.delivery.take_correction import CorrectionTaking
from services.delivery.tell_correction import TellCorrection
from services.delivery.tell_recipients import TellRecipients
from services.delivery.track_orders import OrderTracking
from shared.contracts.erasure import EraseSubject, RestrictSubject
from shared.contracts.orders import OrderPlaced
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.messaging.cloudevents import EVENT_TYPES, Received, new_id
from shared.messaging.outbox import Outbox
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.erasure import ErasureEngine
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import connect
from shared.stores.receipts import Signer
from tests.builders import NOON, received
from tests.integration.a_publisher import Publisher

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Delivery:
    """What is published stays in the outbox, because nothing sweeps it. `answer`: what the partner does instead of
    being the local stack's own."""

    def __init__(self, stack: LocalStack, partner_log: Path, policy: Policy | None = None) -> None:
        policy = policy or load_policy()
        self.client = connect(stack.mongodb_uri("delivery"), service="test")
        self.database = self.client["delivery"]
        self.publisher = Publisher(stack, policy)
        self.partner_log = partner_log
        self.answer: Answer | None = None
        self._partner = httpx.ASGITransport(courier_partner(partner_log))
        partner = CourierPartner(
            httpx.AsyncClient(transport=httpx.MockTransport(self._ask_partner), base_url="http://partner.example")
        )
        keys = stack.layout.keys / "delivery"
        keyring = KeyringReader(
            MongoKeyringView(self.client, "delivery"),
            KeyUnwrapper(KekFiles(keys, "delivery"), "delivery", 60),
            max_age_seconds=60,
        )
        self.outbox = Outbox(self.database, KafkaBroker(), service="delivery")
        self.shipments = ShipmentStore(self.database)
        self.disclosures = DisclosureStore(self.database, policy.period("disclosure_retention").as_timedelta())
        self.tracking = OrderTracking(self.shipments, keyring)
        self.corrections = CorrectionTaking(self.shipments, keyring)
        disclosing = FieldDisclosure(
            self.disclosures, Opener("delivery", policy, keyring), policy.recipients[RECIPIENT], "A partner"
        )
        self.hand_to_courier = HandToCourier(self.client, self.shipments, disclosing, partner, self.outbox)
        self.tell_correction = TellCorrection(self.client, self.shipments, disclosing, partner, self.outbox)
        self.settle_shipment = SettleShipment(self.client, self.shipments, self.outbox)
        self.tell_recipients = TellRecipients(self.client, self.disclosures, partner, self.outbox)
        self.engine = ErasureEngine(self.database, policy.store("delivery"))
        self._participant = ErasureParticipant(
            "delivery",
            self.engine,
            client=self.client,
            outbox=self.outbox,
            signer=Signer.from_folder(keys),
            hooks=Hooks(tell_recipients=self.tell_recipients.on_erase, evict_keys=keyring.evict),
        )

    async def a_shipment(self, **changes: Any) -> Shipment:
        """Of somebody new; it awaits a courier."""
        return await self.shipment_of(await self.publisher.order(**changes))

    async def shipment_of(self, order: Received[OrderPlaced]) -> Shipment:
        await self.tracking.on_placed([order])
        return await self.shipments.get(shipment_id_of(order.event.order_id))

    async def handed_over(self) -> Shipment:
        shipment, _ = await self.hand_to_courier.hand_over((await self.a_shipment()).shipment_id, NOON)
        return shipment

    async def restrict(self, subject_id: str) -> None:
        command = RestrictSubject(subject_id=subject_id, case_id=new_id(), store="delivery", scope="all")
        await self._participant.restrict([received(command, source="privacy")])

    async def erase(
        self, subject_id: str, *, case_id: str | None = None, round: int = 1, open_orders: tuple[str, ...] = ()
    ) -> None:
        command = EraseSubject(
            subject_id=subject_id, case_id=case_id or new_id(), store="delivery", round=round, open_orders=open_orders
        )
        await self._participant.erase([received(command, source="privacy")])

    async def published(self, subject_id: str, of_type: type) -> list[Any]:
        """Events of that type about the subject, oldest first."""
        rows = self.database["outbox"].find({"subject_id": subject_id}).sort("created_at", 1)
        events = [EVENT_TYPES[row["headers"]["ce_type"]].model_validate_json(row["value"]) async for row in rows]
        return [event for event in events if isinstance(event, of_type)]

    async def disclosure(self, shipment_id: str) -> dict[str, Any]:
        document = await self.database["disclosures"].find_one({"shipment_id": shipment_id})
        assert document is not None
        return document

    async def _ask_partner(self, request: httpx.Request) -> httpx.Response:
        if self.answer:
            return await self.answer(request)
        return await self.forward(request)

    async def forward(self, request: httpx.Request) -> httpx.Response:
        """What the real partner answers."""
        answer = await self._partner.handle_async_request(request)
        return httpx.Response(answer.status_code, content=await answer.aread())


@asynccontextmanager
async def a_delivery(stack: LocalStack, folder: Path, policy: Policy | None = None) -> AsyncIterator[Delivery]:
    delivery = Delivery(stack, folder / "partner.jsonl", policy)
    for store in (delivery.engine, delivery.shipments, delivery.disclosures, delivery.outbox):
        await store.ensure_indexes()
    yield delivery
    delivery.client.close()
    delivery.publisher.administrator.close()
