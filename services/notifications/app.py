"""The notifications service: composition root. All its wiring and subscriptions, on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifications.campaign_store import CampaignStore
from services.notifications.choice_store import ChoiceStore
from services.notifications.confirm_order import OrderConfirmations
from services.notifications.message_store import MessageStore
from services.notifications.recipient_store import RecipientStore
from services.notifications.routes import OperatorRoutes
from services.notifications.send_campaign import SendCampaign
from services.notifications.send_messages import MessageSender
from services.notifications.settings import NotificationsSettings
from services.notifications.take_correction import CorrectionTaking
from services.notifications.tell_of_shipment import ShipmentNews
from services.notifications.track_consents import ConsentTracking
from services.notifications.wording import Wording
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn
from shared.contracts.erasure import EraseSubject, RestrictSubject
from shared.contracts.inspections import InspectSubject
from shared.contracts.orders import OrderCorrected, OrderPlaced
from shared.contracts.shipments import ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.contracts.store_samples import StoreSampled
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.inspect_subject import SubjectInspection
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.erasure.store_sampling import StoreSampling
from shared.erasure.suppression import Suppression
from shared.http.server import http_app
from shared.mail.sms_gateway import SmsGateway
from shared.mail.smtp import Mailer
from shared.messaging.broker import kafka_broker
from shared.messaging.consume import BatchConsumer, Handler, subscribe
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.lag import LagWatch
from shared.messaging.lifecycle import messaging, readiness
from shared.messaging.outbox import Outbox
from shared.messaging.topic_log import TopicLog
from shared.messaging.worker import every, working
from shared.observability.metrics import KEY_CACHE_OLDEST_SECONDS
from shared.policy.load import load_policy
from shared.sealing.kek_provider import kek_provider
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.erasure import ErasureEngine
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import connect, server_time
from shared.stores.receipts import Signer

SERVICE: Final = "notifications"


def build(settings: NotificationsSettings) -> FastAPI:
    policy = load_policy()
    client = connect(settings.mongodb_uri.get_secret_value(), service=SERVICE)
    database = client[SERVICE]
    clock = partial(server_time, client)  # of leases: what is one replica's until then is so by every replica's
    broker = kafka_broker(settings.kafka, service=SERVICE, idempotent=settings.kafka_idempotence)
    outbox = Outbox(database, broker, service=SERVICE)
    cache = settings.key_cache_seconds
    unwrapper = KeyUnwrapper(kek_provider(SERVICE, settings.keys_dir, settings.vault), SERVICE, cache)
    view = MongoKeyringView(client, SERVICE)
    keyring = KeyringReader(view, unwrapper, max_age_seconds=cache)
    KEY_CACHE_OLDEST_SECONDS.labels(SERVICE).set_function(keyring.oldest_seconds)
    recipients, messages = RecipientStore(database), MessageStore(database)
    choices, campaigns = ChoiceStore(database), CampaignStore(database)
    # No proxy from the environment: numbers go to the gateway and nowhere else.
    http = httpx.AsyncClient(base_url=str(settings.sms_gateway_url), trust_env=False)
    mailer = Mailer(settings.smtp_host, settings.smtp_port, policy.controller.mailbox)
    templates = Environment(
        loader=PackageLoader("services.notifications"), undefined=StrictUndefined, autoescape=False, cache_size=50
    )

    confirmations = OrderConfirmations(recipients, messages, keyring)
    corrections = CorrectionTaking(recipients, keyring)
    news = ShipmentNews(messages, keyring)
    consents = ConsentTracking(choices, keyring)
    sender = MessageSender(
        messages,
        recipients,
        choices,
        campaigns,
        Opener(SERVICE, policy, keyring),
        Wording(templates, policy.controller),
        mailer,
        SmsGateway(http),
    )
    engine = ErasureEngine(database, policy.store(SERVICE))
    participant = ErasureParticipant(
        SERVICE,
        engine,
        client=client,
        outbox=outbox,
        signer=Signer.from_folder(settings.keys_dir),
        hooks=Hooks(stop_promotions=consents.stop, evict_keys=keyring.evict),
    )
    suppression = Suppression(
        SERVICE,
        engine,
        client=client,
        entries=TopicLog(broker, SubjectSuppressed.TOPIC, service=SERVICE),
        keyring=view,
    )

    inspection = SubjectInspection(SERVICE, engine, client=client, outbox=outbox, policy=policy, uses=[messages.uses])

    samples = TopicLog(broker, StoreSampled.TOPIC, service=SERVICE)
    sampling = StoreSampling(SERVICE, policy, database, samples)

    subscriptions: dict[str, dict[type, Handler]] = {
        "orders": {OrderPlaced: confirmations.on_placed, OrderCorrected: corrections.on_corrected},
        "shipments": dict.fromkeys((ShipmentHandedOver, ShipmentDelivered, ShipmentReturned), news.on_fact),
        "consents": {ConsentGiven: consents.on_given, ConsentWithdrawn: consents.on_withdrawn},
        "erasure-notifications": {RestrictSubject: participant.restrict, EraseSubject: participant.erase},
        "inspections": {InspectSubject: inspection.on_inspect},
    }
    dead_letters = DeadLetters(broker, SERVICE)
    subscribers = [
        subscribe(broker, BatchConsumer(topic, handlers, dead_letters), service=SERVICE)
        for topic, handlers in subscriptions.items()
    ]

    work = (sender.send_due, sampling.sample_due, every(10, LagWatch(SERVICE, subscribers).measure))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for store in (engine, choices, messages, outbox):
            await store.ensure_indexes()
        await suppression.replay()
        async with http, messaging(broker, outbox, subscribers), working(*work, clock=clock):
            yield
        await mailer.close()
        client.close()

    app = http_app("Sealed Orders: notifications", lifespan=lifespan, ready=readiness(client, broker, subscribers))
    app.include_router(
        OperatorRoutes(
            token=settings.operator_token,
            messages=messages,
            send_campaign=SendCampaign(campaigns, choices, recipients, messages),
        ).router
    )
    return app
