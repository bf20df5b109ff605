"""The delivery service: composition root. All its wiring and subscriptions, on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI

from services.delivery.courier_partner import RECIPIENT, CourierPartner
from services.delivery.disclose_fields import FieldDisclosure
from services.delivery.disclosure_store import DisclosureStore
from services.delivery.hand_to_courier import HandToCourier
from services.delivery.routes import OperatorRoutes
from services.delivery.settings import DeliverySettings
from services.delivery.settle_shipment import SettleShipment
from services.delivery.shipment_store import ShipmentStore
from services.delivery.take_correction import CorrectionTaking
from services.delivery.tell_correction import TellCorrection
from services.delivery.tell_recipients import TellRecipients
from services.delivery.track_orders import OrderTracking
from shared.contracts.erasure import EraseSubject, RestrictSubject
from shared.contracts.inspections import InspectSubject
from shared.contracts.orders import OrderCancelled, OrderCorrected, OrderPlaced
from shared.contracts.store_samples import StoreSampled
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.inspect_subject import SubjectInspection
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.erasure.store_sampling import StoreSampling
from shared.erasure.suppression import Suppression
from shared.http.server import http_app
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

SERVICE: Final = "delivery"


def build(settings: DeliverySettings) -> FastAPI:
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
    # No proxy from the environment: what the partner is told goes to the partner.
    http = httpx.AsyncClient(base_url=str(settings.partner_url), trust_env=False)
    partner = CourierPartner(http)
    shipments = ShipmentStore(database)
    disclosures = DisclosureStore(database, policy.period("disclosure_retention").as_timedelta())

    tracking, corrections = OrderTracking(shipments, keyring), CorrectionTaking(shipments, keyring)
    disclosing = FieldDisclosure(
        disclosures, Opener(SERVICE, policy, keyring), policy.recipients[RECIPIENT], settings.partner_name
    )
    hand_to_courier = HandToCourier(client, shipments, disclosing, partner, outbox)
    tell_correction = TellCorrection(client, shipments, disclosing, partner, outbox)
    tell_recipients = TellRecipients(client, disclosures, partner, outbox)
    engine = ErasureEngine(database, policy.store(SERVICE))
    participant = ErasureParticipant(
        SERVICE,
        engine,
        client=client,
        outbox=outbox,
        signer=Signer.from_folder(settings.keys_dir),
        hooks=Hooks(tell_recipients=tell_recipients.on_erase, evict_keys=keyring.evict),
    )
    suppression = Suppression(
        SERVICE,
        engine,
        client=client,
        entries=TopicLog(broker, SubjectSuppressed.TOPIC, service=SERVICE),
        keyring=view,
    )

    inspection = SubjectInspection(
        SERVICE, engine, client=client, outbox=outbox, policy=policy, uses=[disclosures.uses]
    )

    samples = TopicLog(broker, StoreSampled.TOPIC, service=SERVICE)
    sampling = StoreSampling(SERVICE, policy, database, samples)

    subscriptions: dict[str, dict[type, Handler]] = {
        "orders": {
            OrderPlaced: tracking.on_placed,
            OrderCancelled: tracking.on_cancelled,
            OrderCorrected: corrections.on_corrected,
        },
        "erasure-delivery": {RestrictSubject: participant.restrict, EraseSubject: participant.erase},
        "inspections": {InspectSubject: inspection.on_inspect},
    }
    dead_letters = DeadLetters(broker, SERVICE)
    subscribers = [
        subscribe(broker, BatchConsumer(topic, handlers, dead_letters), service=SERVICE)
        for topic, handlers in subscriptions.items()
    ]

    lag = every(10, LagWatch(SERVICE, subscribers).measure)
    work = (tell_recipients.tell_due, tell_correction.tell_due, sampling.sample_due, lag)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for store in (engine, shipments, disclosures, outbox):
            await store.ensure_indexes()
        await suppression.replay()
        async with http, messaging(broker, outbox, subscribers), working(*work, clock=clock):
            yield
        client.close()

    app = http_app("Sealed Orders: delivery", lifespan=lifespan, ready=readiness(client, broker, subscribers))
    app.include_router(
        OperatorRoutes(
            token=settings.operator_token,
            shipments=shipments,
            disclosures=disclosures,
            hand_to_courier=hand_to_courier,
            settle_shipment=SettleShipment(client, shipments, outbox),
        ).router
    )
    return app
