"""The notifications service's acts over a real store, as its own MongoDB user."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from faststream.kafka import KafkaBroker
from jinja2 import Environment, PackageLoader, StrictUndefined

from deploy.local.stack import LocalStack
from services.notifications.campaign_store import CampaignStore
from services.notifications.choice_store import ChoiceStore
from services.notifications.confirm_order import OrderConfirmations
from services.notifications.message_store import MessageStore
from services.notifications.recipient_store import RecipientStore
from services.notifications.send_campaign import SendCampaign
from services.notifications.send_messages import MessageSender
from services.notifications.take_correction import CorrectionTaking
from services.notifications.tell_of_shipment import ShipmentNews
from services.notifications.track_consents import ConsentTracking
from services.notifications.wording import Wording
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn, Scope
from shared.contracts.erasure import EraseSubject, RestrictSubject
from shared.contracts.orders import OrderPlaced
from shared.contracts.shipments import ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.mail.sms_gateway import SmsGateway
from shared.mail.smtp import Mailer
from shared.messaging.cloudevents import Received, new_id
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
from tests.integration.notifications.outside import Outside

COLLECTIONS = ("recipients", "messages", "subjects", "campaigns")
TEXTS = {language: {"subject": "Наурыз", "body": "−10 %"} for language in ("kk", "ru", "en")}


def soon(minutes: float = 1) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


class Notifications:
    """Its database is emptied first: a sender takes whatever is due."""

    def __init__(self, stack: LocalStack, outside: Outside, policy: Policy | None = None) -> None:
        policy = policy or load_policy()
        self.client = connect(stack.mongodb_uri("notifications"), service="test")
        self.database = self.client["notifications"]
        self.outside = outside
        self.publisher = Publisher(stack, policy)
        keys = stack.layout.keys / "notifications"
        keyring = KeyringReader(
            MongoKeyringView(self.client, "notifications"),
            KeyUnwrapper(KekFiles(keys, "notifications"), "notifications", 60),
            max_age_seconds=60,
        )
        self.recipients, self.messages = RecipientStore(self.database), MessageStore(self.database)
        self.choices, campaigns = ChoiceStore(self.database), CampaignStore(self.database)
        self.confirmations = OrderConfirmations(self.recipients, self.messages, keyring)
        self.corrections = CorrectionTaking(self.recipients, keyring)
        self.news = ShipmentNews(self.messages, keyring)
        self.consents = ConsentTracking(self.choices, keyring)
        self.campaign = SendCampaign(campaigns, self.choices, self.recipients, self.messages)
        self.mailer = Mailer("127.0.0.1", outside.smtp_port, policy.controller.mailbox)
        templates = Environment(
            loader=PackageLoader("services.notifications"), undefined=StrictUndefined, autoescape=False
        )
        self.sender = MessageSender(
            self.messages,
            self.recipients,
            self.choices,
            campaigns,
            Opener("notifications", policy, keyring),
            Wording(templates, policy.controller),
            self.mailer,
            SmsGateway(outside.sms),
        )
        self.engine = ErasureEngine(self.database, policy.store("notifications"))
        self._participant = ErasureParticipant(
            "notifications",
            self.engine,
            client=self.client,
            outbox=Outbox(self.database, KafkaBroker(), service="notifications"),
            signer=Signer.from_folder(keys),
            hooks=Hooks(stop_promotions=self.consents.stop, evict_keys=keyring.evict),
        )

    async def placed(self, **changes: Any) -> Received[OrderPlaced]:
        """An order of somebody new, consumed."""
        order = await self.publisher.order(**changes)
        await self.confirmations.on_placed([order])
        return order

    async def chose(self, subject_id: str, promotions: bool, when: datetime = NOON) -> None:
        given = ConsentGiven(
            subject_id=subject_id,
            consent_id=new_id(),
            policy_version="2026-01",
            text_sha256="0" * 64,
            language="kk",
            promotions=promotions,
            given_at=when,
        )
        await self.consents.on_given([received(given)])

    async def withdrew(self, subject_id: str, scope: Scope = "promotions", when: datetime = NOON) -> None:
        event = ConsentWithdrawn(subject_id=subject_id, scope=scope, channel="my-data", received_at=when)
        await self.consents.on_withdrawn([replace(received(event), time=when)])

    async def restrict(self, subject_id: str, scope: Scope = "all", when: datetime = NOON) -> None:
        command = RestrictSubject(subject_id=subject_id, case_id=new_id(), store="notifications", scope=scope)
        await self._participant.restrict([replace(received(command, source="privacy"), time=when)])

    async def erase(self, subject_id: str) -> None:
        command = EraseSubject(subject_id=subject_id, case_id=new_id(), store="notifications", round=1)
        await self._participant.erase([received(command, source="privacy")])

    async def send(self, now: datetime | None = None) -> None:
        """All that is due at `now`."""
        while await self.sender.send_due(now or soon()):
            pass

    async def states(self, order: Received[OrderPlaced]) -> list[tuple[str, str, str, str | None]]:
        """(kind, channel, state, reason) of the order's messages."""
        found = await self.messages.of_order(order.event.order_id)
        return sorted((m["kind"], m["channel"], m["state"], m.get("reason")) for m in found)


def handed_over(order: Received[OrderPlaced]) -> Received[ShipmentHandedOver]:
    event = order.event
    return received(
        ShipmentHandedOver(
            subject_id=event.subject_id,
            shipment_id=new_id(),
            order_id=event.order_id,
            handed_over_at=NOON,
            recipient="courier_partner",
            disclosed_fields=("phone",),
        ),
        source="delivery",
    )


def delivered(order: Received[OrderPlaced]) -> Received[ShipmentDelivered]:
    event = order.event
    fact = ShipmentDelivered(
        subject_id=event.subject_id, shipment_id=new_id(), order_id=event.order_id, delivered_at=NOON
    )
    return received(fact, source="delivery")


def returned(order: Received[OrderPlaced]) -> Received[ShipmentReturned]:
    event = order.event
    fact = ShipmentReturned(
        subject_id=event.subject_id, shipment_id=new_id(), order_id=event.order_id, returned_at=NOON
    )
    return received(fact, source="delivery")


@asynccontextmanager
async def a_sender(stack: LocalStack, outside: Outside, policy: Policy | None = None) -> AsyncIterator[Notifications]:
    notifications = Notifications(stack, outside, policy)
    for name in COLLECTIONS:
        await notifications.publisher.administrator["notifications"][name].delete_many({})
    for store in (notifications.engine, notifications.choices, notifications.messages):
        await store.ensure_indexes()
    yield notifications
    await notifications.mailer.close()
    notifications.client.close()
    notifications.publisher.administrator.close()
