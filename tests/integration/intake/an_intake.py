"""The intake service's acts over a real store, as its own MongoDB user. Two of them are two replicas."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from faststream.kafka import KafkaBroker

from deploy.local.stack import LocalStack
from services.intake.call_backs.call_back_form import CallBackForm
from services.intake.call_backs.call_back_store import CallBackStore
from services.intake.call_backs.end_call_backs import EndCallBacks
from services.intake.call_backs.list_call_backs import CallBackQueue
from services.intake.call_backs.request_call_back import RequestCallBack
from services.intake.cancel_order import CancelOrder
from services.intake.consent_store import ConsentStore
from services.intake.contact import Channel
from services.intake.correct_data import Change, CorrectData
from services.intake.correction_store import CorrectionStore
from services.intake.follow_shipments import ShipmentFollowing
from services.intake.holdings import Holdings
from services.intake.idempotency_store import IdempotencyStore
from services.intake.keyring_store import KeyringStore
from services.intake.lead_contacts import ContactLeading
from services.intake.opening_store import OpeningStore
from services.intake.order import KeyReused, Outcome, Placed, Wanted
from services.intake.order_desk import OrderDesk
from services.intake.order_groups import OrderGroups
from services.intake.order_sealer import OrderSealer
from services.intake.order_store import OrderStore
from services.intake.place_orders import OrderPlacing, Stores
from services.intake.reader_envelopes import ReaderEnvelopes
from services.intake.recognise_people import Recognition
from services.intake.seal_contacts import ContactSealing
from services.intake.subject_store import SubjectStore
from services.intake.visitor import Visitor
from services.intake.withdraw_consent import WithdrawConsent
from shared.contracts.consents import Scope
from shared.contracts.erasure import EraseSubject, RestrictSubject
from shared.contracts.event import Event
from shared.contracts.personal import PersonalData
from shared.erasure.ask_stores import Inspections
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.messaging.cloudevents import EVENT_TYPES, Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.policy.load import load_policy
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener, Sealed
from shared.sealing.people_index import PeopleIndex
from shared.sealing.subject_keys import PublisherUnwrapper
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from shared.stores.erasure import ErasureEngine
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS, MongoKeyringView
from shared.stores.mongo import Document, connect
from shared.stores.receipts import Signer
from tests.builders import NOON, a_person, order_form, received

E = TypeVar("E", bound=Event)


class Intake:
    """What is published stays in the outbox, because nothing sweeps it. `administrator` sees every database."""

    def __init__(self, stack: LocalStack, broker: KafkaBroker | None = None) -> None:
        self.stack = stack
        self.policy = load_policy()
        self.administrator = connect(stack.info.mongodb.uri, service="test")
        self.client = connect(stack.mongodb_uri("intake"), service="test")
        self.database = self.client["intake"]
        keys = stack.layout.keys / "intake"
        kek = KekFiles(keys, "intake")
        self.unwrapper = unwrapper = KeyUnwrapper(kek, "intake", 60)
        self.keyring = keyring = KeyringReader(
            MongoKeyringView(self.client, "intake"), PublisherUnwrapper(unwrapper, "intake"), max_age_seconds=60
        )
        self.outbox = Outbox(self.database, broker or KafkaBroker(), service="intake", lease_seconds=0)
        self.orders, self.subjects = OrderStore(self.database), SubjectStore(self.database)
        self.consents = ConsentStore(self.database)
        self.answers = IdempotencyStore(self.database, self.policy.period("idempotency_key").as_timedelta())
        self.openings = OpeningStore(self.database, self.policy.period("opening_log").as_timedelta())
        self.desk = OrderDesk(self.policy, PeopleIndex.from_folder(keys), shop="a shop")
        self.recognition = recognition = Recognition(
            KeyringStore(self.client, "intake"),
            self.subjects,
            publisher="intake",
            readers=tuple(self.policy.readers),
            wrapper=KeyWrapper(kek, 60),
            unwrapper=unwrapper,
        )
        self.placing = OrderPlacing(
            self.client,
            Stores(self.orders, self.consents, self.subjects, self.answers, self.outbox),
            recognition,
            OrderSealer(self.policy, publisher="intake", shop="a shop"),
        )
        self.groups = OrderGroups(self.placing)
        self.opener = Opener("intake", self.policy, keyring)
        self.contacts = ContactSealing(self.orders, self.openings, keyring, self.opener, unwrapper, self.policy)
        self.call_backs = CallBackStore(self.database)
        self.calling = RequestCallBack(
            self.client, self.call_backs, self.subjects, recognition, PeopleIndex.from_folder(keys), self.policy
        )
        self.queue = CallBackQueue(self.call_backs, self.openings, self.opener)
        self.ending = EndCallBacks(
            self.client, self.call_backs, self.subjects, self.outbox, self.policy.kept("intake", "call_backs")
        )
        self.shipments = ShipmentFollowing(self.orders)
        self.cancelling = CancelOrder(self.client, self.orders, self.outbox)
        self.people = PeopleIndex.from_folder(keys)
        self.corrections = CorrectionStore(self.database)
        self.correcting = CorrectData(
            client=self.client,
            orders=self.orders,
            subjects=self.subjects,
            corrections=self.corrections,
            openings=self.openings,
            keyring=KeyringStore(self.client, "intake"),
            people=self.people,
            leading=ContactLeading(KeyringStore(self.client, "intake"), self.subjects, self.people),
            opener=self.opener,
            unwrapper=unwrapper,
            envelopes=ReaderEnvelopes(self.policy, publisher="intake"),
            outbox=self.outbox,
        )
        self.withdrawing = WithdrawConsent(self.client, self.orders, self.consents, self.outbox)
        self.engine = ErasureEngine(self.database, self.policy.store("intake"))
        self.participant = ErasureParticipant(
            "intake",
            self.engine,
            client=self.client,
            outbox=self.outbox,
            signer=Signer.from_folder(keys),
            hooks=Hooks(
                contacts=self.contacts.contacts,
                withdraw_consents=self.withdrawing.on_restrict,
                stop_promotions=self.subjects.stop_promotions,
                evict_keys=keyring.evict,
            ),
        )

    def wanted(self, key: str | None = None, **form: Any) -> Wanted:
        return self.desk.take(json.dumps(order_form(**form)).encode(), key, NOON)

    async def outcome(self, key: str | None = None, **form: Any) -> Outcome:
        return (await self.placing.place([self.wanted(key, **form)], NOON))[0]

    async def place(self, key: str | None = None, **form: Any) -> Placed:
        outcome = await self.outcome(key, **form)
        assert not isinstance(outcome, KeyReused)
        return outcome

    def holdings(self) -> Holdings:
        """What the service's parts are given."""
        inspections = Inspections(
            "intake", client=self.client, database=self.database, outbox=self.outbox, policy=self.policy
        )
        return Holdings(
            self.orders,
            self.consents,
            self.subjects,
            self.openings,
            KeyringStore(self.client, "intake"),
            self.outbox,
            inspections,
            self.people,
            self.opener,
            self.unwrapper,
        )

    async def ask_for_a_call(self, phone: str, *, given_name: str = "Ақбөпе", now: datetime = NOON) -> str:
        """Id of the request."""
        form = CallBackForm.model_construct(
            given_name=given_name, phone=phone, language="kk", notice_version="kk-2026-01"
        )
        return await self.calling.request(form, now)

    def signed_in(self, subject_id: str, person: PersonalData, channel: Channel = "phone") -> Visitor:
        """With the code that went to this contact of theirs."""
        return Visitor(subject_id, channel, self.people.entry(channel, getattr(person, channel)))

    async def correct(self, visitor: Visitor, field: str, value: Any, order_id: str | None = None) -> int:
        return await self.correcting.correct(visitor, Change(field, value, order_id), NOON)

    async def held(self, order_id: str) -> dict[str, Any]:
        """The order's fields as intake has them."""
        order = await self.document("orders", order_id)
        sealed = Sealed(order["event_id"], order["event_type"], order["subject_id"], order["sealed"])
        return await self.opener.open(sealed, purpose="3.2.4")

    async def led_to(self, kind: Channel, value: str) -> str | None:
        """The subject the blind index leads to."""
        found = await self.administrator[DATABASE][PEOPLE].find_one({"_id": self.people.entry(kind, value)})
        return None if found is None else str(found["subject_id"])

    async def restrict(self, *subject_ids: str, scope: Scope = "all") -> None:
        commands = [
            RestrictSubject(subject_id=subject_id, case_id=new_id(), store="intake", scope=scope)
            for subject_id in subject_ids
        ]
        await self.participant.restrict([received(command, source="privacy") for command in commands])

    async def erase(self, subject_id: str, *, open_orders: tuple[str, ...] = ()) -> None:
        command = EraseSubject(
            subject_id=subject_id, case_id=new_id(), store="intake", round=1, open_orders=open_orders
        )
        await self.participant.erase([received(command, source="privacy")])

    async def fence(self, subject_id: str) -> None:
        """As the privacy service does when it opens a case."""
        await self.administrator[DATABASE][SUBJECTS].update_one({"_id": subject_id}, {"$set": {"fenced_at": NOON}})

    async def destroy_keys(self, subject_id: str) -> None:
        """As the privacy service does at the end of one."""
        await self.administrator[DATABASE][SUBJECTS].update_one({"_id": subject_id}, {"$set": {"keys": {}}})
        await self.administrator[DATABASE][PEOPLE].delete_many({"subject_id": subject_id})

    async def published(self, subject_id: str, of_type: type[E]) -> list[Outgoing]:
        """Events of that type about the subject, oldest first."""
        rows = self.database["outbox"].find({"subject_id": subject_id}).sort("created_at", 1)
        events = [
            Outgoing(EVENT_TYPES[row["headers"]["ce_type"]].model_validate_json(row["value"]), row["_id"], NOON)
            async for row in rows
        ]
        return [item for item in events if isinstance(item.event, of_type)]

    async def sweep_until_empty(self, subject_id: str) -> list[Document]:
        """What is left of the subject's rows once there is nothing more to sweep."""
        while await self.outbox.sweep():
            pass
        return await self.database["outbox"].find({"subject_id": subject_id}).to_list(None)

    async def document(self, collection: str, _id: str) -> Document:
        document: Document | None = await self.database[collection].find_one({"_id": _id})
        assert document is not None
        return document

    async def everything(self) -> list[tuple[str, Document]]:
        """(collection, document) of all that intake keeps or has put into the keyring."""
        found: list[tuple[str, Document]] = []
        for database in ("intake", DATABASE):
            collections = await self.administrator[database].list_collections(filter={"type": "collection"})
            async for info in collections:
                if not info["name"].startswith("system."):
                    documents = self.administrator[database][info["name"]].find()
                    found += [(f"{database}.{info['name']}", document) async for document in documents]
        return found


def somebody(number: int | str) -> Any:
    """A person of their own for each number up to 9999."""
    return a_person(phone=f"+7700001{number:>04}", email=f"person{number}@example.kz")


@asynccontextmanager
async def an_intake(stack: LocalStack, broker: KafkaBroker | None = None) -> AsyncIterator[Intake]:
    intake = Intake(stack, broker)
    for store in (intake.engine, intake.call_backs, intake.answers, intake.outbox):
        await store.ensure_indexes()
    yield intake
    intake.client.close()
    intake.administrator.close()


def only(outcomes: Sequence[Outcome | Exception]) -> list[Placed]:
    """The placed ones: all of them."""
    placed = [outcome for outcome in outcomes if isinstance(outcome, Placed)]
    assert len(placed) == len(outcomes)
    return placed
