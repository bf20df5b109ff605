"""The erasure process with real stores and no broker: a post office carries what the outboxes hold, in whatever order.

Every store is a real participant over the policy's own plan, in databases of the test's own; people have real keys.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from deploy.local.stack import LocalStack
from services.privacy.answer_store import AnswerStore
from services.privacy.case import Case
from services.privacy.case_facts import Rules
from services.privacy.case_store import CaseStore
from services.privacy.certificate import CertificateIssuer
from services.privacy.certificate_store import CertificateStore
from services.privacy.erase_subject import ErasureProcess, Stores
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import Ledger
from services.privacy.letter_store import LetterStore
from services.privacy.order_store import OrderStore
from services.privacy.send_letters import LetterSender
from services.privacy.take_receipts import Receipts
from services.privacy.track_orders import OrderTracking
from services.privacy.watch_cases import CaseWatch
from services.privacy.withdraw_consent import ConsentWithdrawals, Withdrawal
from shared.contracts.cases import CaseMoved
from shared.contracts.consents import ConsentWithdrawn
from shared.contracts.erasure import (
    EraseSubject,
    RecipientAnswered,
    RestrictSubject,
    SubjectErased,
    SubjectRestricted,
)
from shared.contracts.orders import OrderCancelled, OrderPlaced
from shared.contracts.shipments import ShipmentDelivered, ShipmentReturned
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.participant import ContactWanted, ErasureParticipant, Hooks
from shared.messaging.cloudevents import Outgoing, Received, new_id, read
from shared.messaging.outbox import COLLECTION, Outbox
from shared.messaging.worker import Clock, local_time
from shared.policy.load import load_policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.erasure import ErasureEngine
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS, MongoKeyringView
from shared.stores.mongo import Client
from shared.stores.receipts import PublicKeys, Signer
from tests.builders import NOON, a_person, a_record, received
from tests.integration.a_publisher import Publisher

POLICY = load_policy()
STORES = POLICY.erasing_stores
CACHE = timedelta(milliseconds=50)
A_MOMENT = timedelta(seconds=2)
PERSON = a_person()


class NoBroker:
    """The post office reads the outboxes itself."""


@dataclass
class Mailbox:
    """`Mailer`: what was sent, by Message-ID, as a receiver keeps it."""

    mails: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: list[Exception] = field(default_factory=list)

    async def send(self, **mail: str) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.mails[mail["message_id"]] = mail


@dataclass
class Suppressions:
    """`TopicLog`: what was appended, in the order of its acknowledgement; `away` like a broker that does not answer."""

    entries: list[SubjectSuppressed] = field(default_factory=list)
    away: bool = False

    async def append(self, entries: Sequence[Outgoing]) -> None:
        if self.away:
            raise TimeoutError
        self.entries += [cast(SubjectSuppressed, entry.event) for entry in entries]


@dataclass(frozen=True)
class Person:
    subject_id: str
    order_id: str
    shipment_id: str
    keys: SubjectKeys = field(repr=False)


class Replica:
    """One process of the privacy service."""

    def __init__(self, office: "Office") -> None:
        client, database, folder = office.client, office.client[office.name("privacy")], office.keys_root / "privacy"
        self.outbox = Outbox(database, NoBroker(), service="privacy")  # type: ignore[arg-type]
        self.cases, self.letters, self.answers = CaseStore(database), LetterStore(database), AnswerStore(database)
        self.orders, self.ledger = OrderStore(database), Ledger(database)
        self.certificates = CertificateStore(database)
        keeper = KeyringKeeper(client)
        keyring = KeyringReader(
            MongoKeyringView(client, "privacy"),
            KeyUnwrapper(KekFiles(folder, "privacy"), "privacy", 1),
            max_age_seconds=CACHE.total_seconds(),
        )
        issuer = CertificateIssuer(POLICY, Signer.from_folder(folder), lambda: dict.fromkeys(POLICY.readers, 1), 0.05)
        stores = Stores(
            self.cases,
            self.orders,
            self.letters,
            self.certificates,
            self.ledger,
            keeper,
            self.outbox,
            office.suppressions,
        )
        rules = Rules.of(POLICY, CACHE)
        self.process = ErasureProcess(client, stores, rules, issuer.issue)
        self.withdrawals = ConsentWithdrawals(self.process, keeper, POLICY)
        tracking = OrderTracking(self.orders, self.cases, self.process, keyring)
        keys = PublicKeys.from_folder(folder / "verify")
        receipts = Receipts(self.process, self.cases, self.answers, keys, STORES, lambda: office.clock())
        self.watch = CaseWatch(self.process, self.cases, timedelta(seconds=30))
        self.sender = LetterSender(
            self.letters,
            self.cases,
            self.process,
            Opener("privacy", POLICY, keyring),
            office.mailbox,  # type: ignore[arg-type]
            Environment(loader=PackageLoader("services.privacy"), undefined=StrictUndefined, autoescape=False),
            POLICY.controller,
        )
        self.handlers: dict[type, Callable[..., Any]] = {
            OrderPlaced: tracking.on_placed,
            OrderCancelled: tracking.on_settled,
            ShipmentDelivered: tracking.on_settled,
            ShipmentReturned: tracking.on_settled,
            ConsentWithdrawn: self.withdrawals.on_consent_withdrawn,
            SubjectRestricted: receipts.on_restricted,
            SubjectErased: receipts.on_erased,
            RecipientAnswered: receipts.on_recipient_answered,
        }


class Office:
    def __init__(self, client: Client, stack: LocalStack, *, replicas: int = 1, seed: int | None = None) -> None:
        self.client = client
        self.keys_root = stack.layout.keys
        self.prefix = f"test_{new_id()}"
        self.mailbox = Mailbox()
        self.clock: Clock = local_time  # the server's, which every replica goes by
        self.suppressions = Suppressions()
        self.publisher = Publisher(stack)
        self.people: dict[str, Person] = {}
        self.lost: set[str] = set()
        self.posted: list[Received[Any]] = []
        self.refused: list[tuple[Received[Any], str]] = []
        self.told: dict[str, tuple[str, ...]] = {}
        self._random = random.Random(seed)
        self._shuffled = seed is not None
        self.replicas = [Replica(self) for _ in range(replicas)]
        self.participants = {store: self._participant(store) for store in STORES}

    def name(self, store: str) -> str:
        return f"{self.prefix}_{store}"

    @property
    def privacy(self) -> Replica:
        return self.replicas[0]

    def database(self, store: str) -> Any:
        return self.client[self.name(store)]

    async def open(self) -> None:
        for part in (self.privacy.cases, self.privacy.letters, self.privacy.answers, self.privacy.orders):
            await part.ensure_indexes()
        for store in STORES:
            await ErasureEngine(self.database(store), POLICY.store(store)).ensure_indexes()

    async def close(self) -> None:
        for store in STORES:
            await self.client.drop_database(self.name(store))
        subjects = list(self.people)
        await self.client[DATABASE][SUBJECTS].delete_many({"_id": {"$in": subjects}})
        await self.client[DATABASE][PEOPLE].delete_many({"subject_id": {"$in": subjects}})
        self.publisher.administrator.close()

    def _participant(self, store: Any) -> ErasureParticipant:
        database = self.database(store)
        hooks = Hooks()
        if store == "intake":
            hooks = Hooks(contacts=self._contacts)
        if store == "delivery":
            hooks = Hooks(tell_recipients=self._tell)
        return ErasureParticipant(
            store,
            ErasureEngine(database, POLICY.store(store)),
            client=self.client,
            outbox=Outbox(database, NoBroker(), service=store),  # type: ignore[arg-type]
            signer=Signer.from_folder(self.keys_root / store),
            hooks=hooks,
        )

    async def _contacts(self, wanted: Sequence[ContactWanted]) -> dict[str, dict[str, bytes]]:
        fields = {name: getattr(PERSON, name) for name in POLICY.fields_for("privacy")}
        return {
            one.event_id: {
                "privacy": seal(
                    fields,
                    Binding(one.event_id, one.event_type, one.subject_id, "privacy"),
                    self.people[one.subject_id].keys.of("privacy"),
                )
            }
            for one in wanted
            if one.subject_id in self.people
        }

    async def _tell(self, commands: Sequence[EraseSubject], now: datetime, session: Any) -> dict[str, tuple[str, ...]]:
        return {command.subject_id: self.told.get(command.subject_id, ()) for command in commands}

    async def arrive(self, count: int, *, open_order: bool) -> list[Person]:
        """People who ordered, known to every store as the services would have it."""
        rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        arrived: list[Person] = []
        placed: list[Received[OrderPlaced]] = []
        for keys in await self.publisher.people(count):
            person = Person(keys.subject_id, new_id(), new_id(), keys)
            arrived.append(person)
            order = self.publisher.order_of(keys, PERSON, order_id=person.order_id)
            placed.append(order)
            theirs = {"subject_id": person.subject_id}
            status = "handed_over" if open_order else "delivered"
            sealed = order.event.sealed
            rows["intake", "orders"].append(
                {"_id": person.order_id, **theirs, "status": status, "sealed": {"envelope": b"x"}, "placed_at": NOON}
            )
            rows["intake", "consents"].append({"_id": new_id(), **theirs, "promotions": True})
            rows["intake", "subjects"].append({"_id": person.subject_id, "promotions": True})
            rows["delivery", "shipments"].append(
                {
                    "_id": person.shipment_id,
                    **theirs,
                    "order_id": person.order_id,
                    "sealed": sealed["delivery"],
                    "status": status,
                }
            )
            rows["notifications", "recipients"].append(
                {"_id": person.order_id, **theirs, "order_id": person.order_id, "sealed": sealed["notifications"]}
            )
            rows["notifications", "messages"].append({"_id": new_id(), **theirs, "order_id": person.order_id})
        for (store, collection), documents in rows.items():
            await self.database(store)[collection].insert_many(documents)
        people = [{"_id": new_id(), "subject_id": person.subject_id} for person in arrived]
        await self.client[DATABASE][PEOPLE].insert_many(people)
        self.people.update({person.subject_id: person for person in arrived})
        await self.dispatch(placed)
        return arrived

    async def settle(self, *people: Person) -> None:
        """The couriers deliver; delivery's record and its event, as one."""
        orders = [person.order_id for person in people]
        change = {"$set": {"status": "delivered"}}
        await self.database("delivery")["shipments"].update_many({"order_id": {"$in": orders}}, change)
        await self.dispatch([delivered(person) for person in people])
        await self.database("intake")["orders"].update_many({"_id": {"$in": orders}}, change)

    async def withdraw(self, person: Person, scope: Any = "all") -> Case:
        now = datetime.now(UTC)
        return await self.privacy.withdrawals.withdraw(Withdrawal(person.subject_id, scope, "mailbox", now), now)

    async def withdraw_many(self, people: Iterable[Person]) -> list[Received[ConsentWithdrawn]]:
        events = [withdrawn(person) for person in people]
        await self.dispatch(events)
        return events

    # The post.

    async def collect(self) -> list[Received[Any]]:
        """What the outboxes hold: taken out of them, as if Kafka had acknowledged it."""
        rows: list[dict[str, Any]] = []
        for store in STORES:
            outbox = self.database(store)[COLLECTION]
            found = await outbox.find().sort("created_at").to_list(None)
            await outbox.delete_many({"_id": {"$in": [row["_id"] for row in found]}})
            rows.extend(found)
        came = [
            read(
                a_record(
                    row["value"],
                    key=row["subject_id"].encode(),
                    headers=[(name, value.encode()) for name, value in row["headers"].items()],
                    topic=row["topic"],
                )
            )
            for row in rows
            if row["topic"] not in ("ledger-heads", "suppressions")
        ]
        self.posted.extend(came)
        return [item for item in came if item.event_type not in self.lost and not isinstance(item.event, CaseMoved)]

    def told_of(self, withdrawal_id: str) -> list[CaseMoved]:
        """What whoever follows the withdrawal was told, in the order it was published."""
        events = [item.event for item in self.posted if isinstance(item.event, CaseMoved)]
        return [event for event in events if withdrawal_id in event.withdrawals]

    async def dispatch(self, items: Sequence[Received[Any]]) -> None:
        """In batches by kind; shuffled, some of it twice, in batches of any size, where a seed was given."""
        items = list(items)
        if self._shuffled:
            items += self._random.sample(items, len(items) // 3)
            self._random.shuffle(items)
        while items:
            size = self._random.randint(1, len(items)) if self._shuffled else len(items)
            batch, items = items[:size], items[size:]
            by_kind: dict[tuple[Any, ...], list[Received[Any]]] = defaultdict(list)
            for item in batch:
                command = isinstance(item.event, RestrictSubject | EraseSubject)
                by_kind[type(item.event), item.event.store if command else ""].append(item)
            for (kind, store), same in by_kind.items():
                await self._handle(kind, store, same)

    async def _handle(self, kind: type, store: str, batch: list[Received[Any]]) -> None:
        if kind is RestrictSubject:
            await self.participants[store].restrict(batch)
        elif kind is EraseSubject:
            await self.participants[store].erase(batch)
        else:
            outcome = await self._random.choice(self.replicas).handlers[kind](batch)
            self.refused.extend(outcome.refused)

    async def run(self, *, letters: bool = True) -> None:
        """Carry everything until nothing moves any more; time passes as it must."""
        quiet, when_letters_are_sent = 0, datetime.now(UTC)
        while quiet < 3:
            items = await self.collect()
            await self.dispatch(items)
            replica = self._random.choice(self.replicas)
            later = datetime.now(UTC) + 2 * CACHE
            await replica.watch.start_second_passes(later)
            when_letters_are_sent += A_MOMENT  # one may wait for an earlier one of its case
            sent = letters and await replica.sender.send_due(when_letters_are_sent)
            quiet = 0 if items or sent else quiet + 1

    async def case_of(self, person: Person) -> Case:
        document = await self.database("privacy")["cases"].find_one({"subject_id": person.subject_id, "scope": "all"})
        case = await self.privacy.cases.by_id(document["_id"])
        assert case is not None
        return case

    async def everything(self, *but: str) -> dict[str, list[dict[str, Any]]]:
        """Every document of every store."""
        return {
            f"{store}.{name}": await self.database(store)[name].find().sort("_id").to_list(None)
            for store in STORES
            for name in sorted(await self.database(store).list_collection_names())
            if name not in but
        }

    async def keyring_of(self, person: Person) -> dict[str, Any]:
        document = await self.client[DATABASE][SUBJECTS].find_one({"_id": person.subject_id})
        assert document is not None
        return document


def delivered(person: Person) -> Received[ShipmentDelivered]:
    return received(
        ShipmentDelivered(
            subject_id=person.subject_id, shipment_id=person.shipment_id, order_id=person.order_id, delivered_at=NOON
        )
    )


def withdrawn(person: Person, scope: Any = "all") -> Received[ConsentWithdrawn]:
    return received(ConsentWithdrawn(subject_id=person.subject_id, scope=scope, channel="my-data", received_at=NOON))


def withdrawn_on_the_pages(person: Person) -> Received[ConsentWithdrawn]:
    asked = withdrawn(person)
    return received(asked.event.model_copy(update={"channel": "web"}), event_id=asked.event_id)
