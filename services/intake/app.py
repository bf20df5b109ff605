"""The intake service: composition root. All its wiring and subscriptions, on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from services.intake.call_backs.app import CallBacks
from services.intake.consent_store import ConsentStore
from services.intake.follow_shipments import ShipmentFollowing
from services.intake.holdings import Holdings
from services.intake.keyring_store import KeyringStore
from services.intake.my_data.app import MyData
from services.intake.opening_store import COLLECTION as OPENINGS
from services.intake.opening_store import OpeningStore
from services.intake.order_store import OrderStore
from services.intake.ordering.app import Ordering
from services.intake.recognise_people import Recognition
from services.intake.routes import LARGER_BODIES
from services.intake.seal_contacts import ContactSealing
from services.intake.settings import IntakeSettings
from services.intake.subject_store import SubjectStore
from services.intake.withdraw_consent import WithdrawConsent
from shared.contracts.cases import CaseMoved
from shared.contracts.erasure import EraseSubject, RestrictSubject
from shared.contracts.inspections import InspectSubject, SubjectInspected
from shared.contracts.shipments import ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.contracts.store_samples import StoreSampled
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.ask_stores import Inspections
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
from shared.messaging.worker import every, local_time, working
from shared.observability.metrics import KEY_CACHE_OLDEST_SECONDS
from shared.pages.attempts import Attempts
from shared.pages.render import Pages
from shared.pages.security import secure_pages
from shared.pages.sessions import MongoSessionStore
from shared.policy.load import load_policy
from shared.sealing.kek_provider import kek_provider
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener
from shared.sealing.people_index import PeopleIndex
from shared.sealing.subject_keys import PublisherUnwrapper
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from shared.stores.erasure import ErasureEngine
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import connect
from shared.stores.receipts import Signer

SERVICE: Final = "intake"
IDLE: Final = timedelta(minutes=30)  # a session that nobody uses ends


def build(settings: IntakeSettings) -> FastAPI:
    policy = load_policy()
    client = connect(settings.mongodb_uri.get_secret_value(), service=SERVICE)
    database = client[SERVICE]
    broker = kafka_broker(settings.kafka, service=SERVICE, idempotent=settings.kafka_idempotence)
    outbox = Outbox(database, broker, service=SERVICE)
    kek = kek_provider(SERVICE, settings.keys_dir, settings.vault)
    cache = settings.key_cache_seconds
    wrapper, unwrapper = KeyWrapper(kek, cache), KeyUnwrapper(kek, SERVICE, cache)
    view = MongoKeyringView(client, SERVICE)
    keyring = KeyringReader(view, PublisherUnwrapper(unwrapper, SERVICE), max_age_seconds=cache)
    KEY_CACHE_OLDEST_SECONDS.labels(SERVICE).set_function(keyring.oldest_seconds)
    orders, consents, subjects = OrderStore(database), ConsentStore(database), SubjectStore(database)
    openings = OpeningStore(database, policy.kept(SERVICE, OPENINGS))

    people = PeopleIndex.from_folder(settings.keys_dir)
    keyring_store = KeyringStore(client, SERVICE)
    recognition = Recognition(
        keyring_store,
        subjects,
        publisher=SERVICE,
        readers=tuple(policy.readers),
        wrapper=wrapper,
        unwrapper=unwrapper,
    )
    opener = Opener(SERVICE, policy, keyring)
    contacts = ContactSealing(orders, openings, keyring, opener, unwrapper, policy)
    withdrawing = WithdrawConsent(client, orders, consents, outbox)
    shipments = ShipmentFollowing(orders)
    engine = ErasureEngine(database, policy.store(SERVICE))
    participant = ErasureParticipant(
        SERVICE,
        engine,
        client=client,
        outbox=outbox,
        signer=Signer.from_folder(settings.keys_dir),
        hooks=Hooks(
            contacts=contacts.contacts,
            withdraw_consents=withdrawing.on_restrict,
            stop_promotions=subjects.stop_promotions,
            evict_keys=keyring.evict,
        ),
    )
    suppression = Suppression(
        SERVICE,
        engine,
        client=client,
        entries=TopicLog(broker, SubjectSuppressed.TOPIC, service=SERVICE),
        keyring=view,
    )

    inspection = SubjectInspection(SERVICE, engine, client=client, outbox=outbox, policy=policy, uses=[openings.uses])
    inspections = Inspections(SERVICE, client=client, database=database, outbox=outbox, policy=policy)

    pages, attempts, sessions = Pages("services.intake", policy), Attempts(database), MongoSessionStore(database)
    holdings = Holdings(
        orders, consents, subjects, openings, keyring_store, outbox, inspections, people, opener, unwrapper
    )
    ordering = Ordering(settings, policy, client, holdings, recognition, withdrawing, pages)
    my_data = MyData(settings, policy, client, holdings, pages, attempts)
    call_backs = CallBacks(client, policy, holdings, recognition, pages, attempts, settings.operator_token)

    samples = TopicLog(broker, StoreSampled.TOPIC, service=SERVICE)
    sampling = StoreSampling(SERVICE, policy, database, samples)

    subscriptions: dict[str, dict[type, Handler]] = {
        "shipments": {
            ShipmentHandedOver: shipments.on_handed_over,
            ShipmentDelivered: shipments.on_delivered,
            ShipmentReturned: shipments.on_returned,
        },
        "cases": {CaseMoved: my_data.following.on_moved},
        "erasure-intake": {RestrictSubject: participant.restrict, EraseSubject: participant.erase},
        "inspections": {InspectSubject: inspection.on_inspect},
        "inspection-answers": {SubjectInspected: inspections.on_inspected},
    }
    dead_letters = DeadLetters(broker, SERVICE)
    subscribers = [
        subscribe(broker, BatchConsumer(topic, handlers, dead_letters), service=SERVICE)
        for topic, handlers in subscriptions.items()
    ]

    work = (sampling.sample_due, call_backs.expire, every(10, LagWatch(SERVICE, subscribers).measure))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for store in (engine, openings, inspections, outbox, attempts, sessions, ordering, my_data, call_backs):
            await store.ensure_indexes()
        await suppression.replay()
        async with (
            my_data.reaching_people(),
            messaging(broker, outbox, subscribers),
            working(*work, clock=local_time),
        ):
            yield
        client.close()

    ready = readiness(client, broker, subscribers)
    app = http_app(
        "Sealed Orders: intake", lifespan=lifespan, ready=ready, page=pages.problem, larger_bodies=LARGER_BODIES
    )
    secure_pages(app, pages, sessions, idle=IDLE)
    for router in (ordering.router, my_data.router, call_backs.router):
        app.include_router(router)
    return app
