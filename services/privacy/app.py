"""The privacy service: composition root. All its wiring and subscriptions, on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.privacy.answer_store import AnswerStore
from services.privacy.case_facts import Rules
from services.privacy.case_store import CaseStore
from services.privacy.certificate import CertificateIssuer
from services.privacy.certificate_store import CertificateStore
from services.privacy.certify_again import SecondCertification
from services.privacy.console.app import Indexed, Office, build_console, build_registers
from services.privacy.epoch_watch import EpochWatch
from services.privacy.erase_subject import ErasureProcess, Stores
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import Ledger
from services.privacy.letter_store import LetterStore
from services.privacy.measure_cases import CaseMeasures
from services.privacy.order_store import OrderStore
from services.privacy.reopen_cases import CaseReopening
from services.privacy.routes import OfficerRoutes
from services.privacy.second_certificate import SecondCertificateIssuer
from services.privacy.send_letters import LetterSender
from services.privacy.settings import PrivacySettings
from services.privacy.take_receipts import Receipts
from services.privacy.track_orders import OrderTracking
from services.privacy.watch_cases import CaseWatch
from services.privacy.withdraw_consent import WITHDRAWAL_PERIOD, ConsentWithdrawals
from shared.contracts.consents import ConsentWithdrawn
from shared.contracts.erasure import EraseSubject, RecipientAnswered, RestrictSubject, SubjectErased, SubjectRestricted
from shared.contracts.inspections import InspectSubject, SubjectInspected
from shared.contracts.orders import OrderCancelled, OrderPlaced
from shared.contracts.shipments import ShipmentDelivered, ShipmentReturned
from shared.contracts.store_samples import StoreSampled
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.ask_stores import Inspections
from shared.erasure.inspect_subject import SubjectInspection
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.erasure.store_sampling import StoreSampling
from shared.erasure.suppression import Suppression
from shared.http.server import http_app
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
from shared.sealing.people_index import PeopleIndex
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.erasure import ErasureEngine
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import connect, server_time
from shared.stores.receipts import PublicKeys, Signer

SERVICE: Final = "privacy"


def build(settings: PrivacySettings) -> FastAPI:
    policy = load_policy()
    client = connect(settings.mongodb_uri.get_secret_value(), service=SERVICE)
    database = client[SERVICE]
    broker = kafka_broker(settings.kafka, service=SERVICE, idempotent=settings.kafka_idempotence)
    outbox = Outbox(database, broker, service=SERVICE)
    signer = Signer.from_folder(settings.keys_dir)
    kek = kek_provider(SERVICE, settings.keys_dir, settings.vault)
    cache = settings.key_cache_seconds
    unwrapper = KeyUnwrapper(kek, SERVICE, cache)
    view = MongoKeyringView(client, SERVICE)
    keyring = KeyringReader(view, unwrapper, max_age_seconds=cache)
    KEY_CACHE_OLDEST_SECONDS.labels(SERVICE).set_function(keyring.oldest_seconds)
    keeper = KeyringKeeper(client)
    cases, orders, letters = CaseStore(database), OrderStore(database), LetterStore(database)
    certificates, ledger, answers = CertificateStore(database), Ledger(database), AnswerStore(database)

    rules = Rules.of(policy, cache_bound=timedelta(seconds=cache))
    epochs = EpochWatch(client, kek, tuple(policy.readers), stale_after=timedelta(seconds=cache))
    issuer = CertificateIssuer(policy, signer, epochs.newest, cache)
    second = SecondCertification(client, certificates, epochs, ledger, outbox, SecondCertificateIssuer(signer))
    suppressions = TopicLog(broker, SubjectSuppressed.TOPIC, service=SERVICE)
    stores = Stores(cases, orders, letters, certificates, ledger, keeper, outbox, suppressions)
    process = ErasureProcess(client, stores, rules, issuer.issue)
    days = policy.period(WITHDRAWAL_PERIOD).number
    reopening = CaseReopening(client, process, cases, keeper, suppressions, days)
    withdrawals = ConsentWithdrawals(process, keeper, policy)
    tracking = OrderTracking(orders, cases, process, keyring)
    clock = partial(server_time, client)  # a replica's own may be wrong, and the caches' wait must not end early
    receipts = Receipts(
        process, cases, answers, PublicKeys.from_folder(settings.keys_dir / "verify"), policy.erasing_stores, clock
    )
    engine = ErasureEngine(database, policy.store(SERVICE))
    participant = ErasureParticipant(
        SERVICE, engine, client=client, outbox=outbox, signer=signer, hooks=Hooks(evict_keys=keyring.evict)
    )
    suppression = Suppression(SERVICE, engine, client=client, entries=suppressions, keyring=view)
    sender = LetterSender(
        letters,
        cases,
        process,
        Opener(SERVICE, policy, keyring),
        Mailer(settings.smtp_host, settings.smtp_port, policy.controller.mailbox),
        Environment(loader=PackageLoader("services.privacy"), undefined=StrictUndefined, autoescape=False),
        policy.controller,
    )
    measures = CaseMeasures(cases, answers, policy.erasing_stores)
    watch = CaseWatch(process, cases, timedelta(seconds=settings.remind_after_seconds))

    registers = build_registers(policy, client, database, ledger, outbox)
    uses = [letters.uses, registers.disclosures.uses]
    inspection = SubjectInspection(SERVICE, engine, client=client, outbox=outbox, policy=policy, uses=uses)
    inspections = Inspections(SERVICE, client=client, database=database, outbox=outbox, policy=policy)

    samples = TopicLog(broker, StoreSampled.TOPIC, service=SERVICE)
    sampling = StoreSampling(SERVICE, policy, database, samples)

    subscriptions: dict[str, dict[type, Handler]] = {
        "orders": {OrderPlaced: tracking.on_placed, OrderCancelled: tracking.on_settled},
        "shipments": {
            **registers.subscriptions["shipments"],
            ShipmentDelivered: tracking.on_settled,
            ShipmentReturned: tracking.on_settled,
        },
        "store-samples": registers.subscriptions["store-samples"],
        "consents": {ConsentWithdrawn: withdrawals.on_consent_withdrawn},
        "erasure-privacy": {RestrictSubject: participant.restrict, EraseSubject: participant.erase},
        "inspections": {InspectSubject: inspection.on_inspect},
        "inspection-answers": {SubjectInspected: inspections.on_inspected},
        "erasure-receipts": {
            SubjectRestricted: receipts.on_restricted,
            SubjectErased: receipts.on_erased,
            RecipientAnswered: receipts.on_recipient_answered,
        },
    }
    office = Office(
        cases, answers, certificates, orders, ledger, outbox, keeper, withdrawals, inspections, registers, sender
    )
    console = build_console(settings, policy, client, database, office, clock)

    dead_letters = DeadLetters(broker, SERVICE)
    subscribers = [
        subscribe(broker, BatchConsumer(topic, handlers, dead_letters), service=SERVICE)
        for topic, handlers in subscriptions.items()
    ]

    indexed: tuple[Indexed, ...] = (
        engine, cases, answers, orders, letters, certificates, inspections, outbox, *console.stores,
    )  # fmt: skip

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for store in indexed:
            await store.ensure_indexes()
        await epochs.refresh(datetime.now(UTC))
        await registers.note_policy(await clock())
        await suppression.replay(first=reopening.take)
        await reopening.reopen()
        async with (
            messaging(broker, outbox, subscribers),
            working(
                watch.start_second_passes,
                watch.remind_silent_stores,
                sender.send_due,
                epochs.refresh,
                second.issue_due,
                sampling.sample_due,
                every(15, measures.measure),
                every(10, LagWatch(SERVICE, subscribers).measure),
                *console.acts,
                clock=clock,
            ),
        ):
            yield
        client.close()

    ready = readiness(client, broker, subscribers)
    app = http_app("Sealed Orders: privacy", lifespan=lifespan, ready=ready, page=console.pages.problem)
    app.include_router(
        OfficerRoutes(
            token=settings.officer_token,
            withdrawals=withdrawals,
            cases=cases,
            answers=answers,
            certificates=certificates,
            ledger=ledger,
            keyring=keeper,
            orders=orders,
            people=PeopleIndex.from_folder(settings.keys_dir),
            policy=policy,
            clock=clock,
        ).router
    )
    console.serve_on(app)
    return app
