"""What the console's registers keep: policies, samples, disclosures, figures; with a real MongoDB."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, cast

import pytest

from services.privacy.case_store import CaseStore
from services.privacy.console.approvals import Approvals
from services.privacy.console.case_figures_store import CaseFiguresStore
from services.privacy.console.case_list import VIEWS, query_of
from services.privacy.console.disclosure_register_store import Disclosure, DisclosureRegisterStore, Wanted
from services.privacy.console.learn_disclosures import DisclosureLearning
from services.privacy.console.policy_record import PolicyRecord
from services.privacy.console.policy_record_store import PolicyRecordStore
from services.privacy.console.policy_rows import changes
from services.privacy.console.proposal import Decision, NotYoursToDecide
from services.privacy.console.proposal_store import ProposalStore
from services.privacy.console.record import Record
from services.privacy.console.roles import Staff
from services.privacy.console.state_disclosure import StateDemand, StateDisclosures
from services.privacy.console.store_register import StoreSamples
from services.privacy.console.store_register_store import StoreRegisterStore
from services.privacy.ledger import COLLECTION as LEDGER
from services.privacy.ledger import HEAD, Ledger
from services.privacy.mailbox.application_store import ApplicationStore
from shared.contracts.shipments import CorrectionDisclosed, ShipmentHandedOver
from shared.contracts.store_samples import CollectionSample, StoreSampled
from shared.messaging.cloudevents import new_id
from shared.messaging.outbox import Outbox
from shared.policy.load import load_policy
from shared.policy.working_days import ALMATY
from shared.stores.mongo import Client, Database, in_transaction
from tests.builders import NOON, at, received
from tests.integration.privacy.an_office import NoBroker, Office
from tests.unit.policy.a_policy import a_policy
from tests.unit.privacy.a_case import a_case

pytestmark = pytest.mark.integration

POLICY = load_policy()
OFFICER, APPROVER = Staff("0f" * 16, "officer", "officer"), Staff("a9" * 16, "approver", "approver")
DEMAND = StateDemand.model_validate(
    {
        "body": "Медеу аудандық соты",
        "legal_ground": "court",
        "article": "АПК 73-бап",
        "document": "7512-26-00-2/345",
        "document_date": "2026-03-02",
        "fields": ("phone", "email"),
    }
)


@pytest.fixture
def record(mongo: Client, database: Database) -> Record:
    return Record(mongo, Ledger(database), Outbox(database, cast(Any, NoBroker()), service="privacy"))


@pytest.fixture
async def disclosures(database: Database) -> DisclosureRegisterStore:
    store = DisclosureRegisterStore(database, timedelta(days=3 * 365))
    await store.ensure_indexes()
    return store


async def on_the_ledger(database: Database) -> list[str]:
    return [entry["what"] async for entry in database[LEDGER].find({"_id": {"$ne": HEAD}}).sort("_id")]


# Policies.


async def test_a_policy_is_noted_once_and_a_change_of_grants_shows_with_its_day(
    database: Database, record: Record
) -> None:
    store = PolicyRecordStore(database)
    other = a_policy(lambda rows: rows["fields"]["phone"]["grants"].pop("delivery"))
    for when, policy in ((0, POLICY), (60, POLICY), (120, other), (180, POLICY)):
        await PolicyRecord(store, record, policy).note(at(when))
    first, second, third = await store.all()
    assert [entry.since for entry in (first, second, third)] == [NOON, at(120), at(180)]
    assert first.sha256 == third.sha256 == POLICY.digest
    assert [change.row for change in changes(first.rows, second.rows)] == ["fields.phone.grants.delivery"]
    assert await on_the_ledger(database) == ["policy_in_force"] * 3


async def test_replicas_that_start_at_once_note_it_once(database: Database, record: Record) -> None:
    store = PolicyRecordStore(database)
    await asyncio.gather(*(PolicyRecord(store, record, POLICY).note(NOON) for _ in range(6)))
    assert len(await store.all()) == 1
    assert await on_the_ledger(database) == ["policy_in_force"]


async def test_the_version_on_record_is_the_one_of_that_day_in_almaty(database: Database, record: Record) -> None:
    day = date(2026, 7, 1)
    policy = a_policy(
        lambda rows: rows["versions"].append(rows["versions"][0] | {"version": "2", "effective_from": day})
    )
    begins = datetime.combine(day, time(0, 1), ALMATY).astimezone(UTC)
    await PolicyRecord(PolicyRecordStore(database), record, policy).note(begins)
    assert [entry.version for entry in await PolicyRecordStore(database).all()] == ["2"]


# Samples.


def a_sample(seconds: float, documents: int, store: str = "delivery") -> StoreSampled:
    return StoreSampled.model_validate(
        {
            "store": store,
            "sampled_at": at(seconds),
            "policy_sha256": POLICY.digest,
            "collections": {"shipments": CollectionSample(documents=documents, sampled=documents)},
        }
    )


async def test_a_store_s_newest_sample_stays_in_whatever_order_they_come(database: Database) -> None:
    store = StoreRegisterStore(database)
    register = StoreSamples(store)
    await register.on_sampled([received(a_sample(20, 2)), received(a_sample(10, 1))])
    await register.on_sampled([received(a_sample(5, 0)), received(a_sample(1, 7, "intake"))])
    newest = {"delivery": a_sample(20, 2), "intake": a_sample(1, 7, "intake")}
    assert await store.all() == newest
    await register.on_sampled([received(a_sample(20, 2))])
    assert await store.all() == newest


# Disclosures.


def handed_over(shipment_id: str, seconds: float = 0) -> ShipmentHandedOver:
    return ShipmentHandedOver(
        subject_id=new_id(),
        shipment_id=shipment_id,
        order_id=new_id(),
        handed_over_at=at(seconds),
        recipient="courier_partner",
        disclosed_fields=("phone", "family_name"),
    )


async def test_a_correction_told_to_the_courier_is_an_entry_of_its_own(disclosures: DisclosureRegisterStore) -> None:
    learning, parcel = DisclosureLearning(disclosures, POLICY), handed_over(new_id())
    told = CorrectionDisclosed(
        subject_id=parcel.subject_id,
        shipment_id=parcel.shipment_id,
        order_id=parcel.order_id,
        sequence=2,
        disclosed_at=at(9),
        recipient="courier_partner",
        disclosed_fields=("phone",),
    )
    await learning.on_handed_over([received(parcel)])
    for _ in range(2):
        await learning.on_correction([received(told), received(told)])
    newest, first = await disclosures.newest(Wanted(), limit=10)
    assert (newest.fields, newest.disclosed_at, newest.order_id) == (("phone",), at(9), parcel.order_id)
    assert (newest.purpose, newest.basis) == (first.purpose, first.basis)
    assert first.fields == ("family_name", "phone")


async def test_a_field_told_later_under_the_same_correction_joins_its_entry(
    disclosures: DisclosureRegisterStore,
) -> None:
    learning = DisclosureLearning(disclosures, POLICY)
    subject, shipment, order = new_id(), new_id(), new_id()
    for seconds, fields in ((9, ("phone",)), (20, ("family_name",)), (20, ("family_name",))):
        told = CorrectionDisclosed(
            subject_id=subject,
            shipment_id=shipment,
            order_id=order,
            sequence=2,
            disclosed_at=at(seconds),
            recipient="courier_partner",
            disclosed_fields=fields,
        )
        await learning.on_correction([received(told)])
    (entry,) = await disclosures.newest(Wanted(), limit=10)
    assert (entry.fields, entry.disclosed_at) == (("family_name", "phone"), at(9))


async def test_what_a_courier_was_told_is_in_the_register_once(disclosures: DisclosureRegisterStore) -> None:
    learning, event = DisclosureLearning(disclosures, POLICY), handed_over(new_id())
    for _ in range(2):
        await learning.on_handed_over([received(event), received(event)])
    (known,) = await disclosures.newest(Wanted(), limit=10)
    assert known == Disclosure(
        disclosure_id=event.shipment_id,
        subject_id=event.subject_id,
        order_id=event.order_id,
        recipient="courier_partner",
        fields=("family_name", "phone"),
        purpose="3.2.3",
        basis="clause 4.3.2; Contract; Law 94-V art. 8(4), 19(1)",
        disclosed_at=NOON,
    )


async def test_the_register_is_filtered_and_newest_first(disclosures: DisclosureRegisterStore) -> None:
    learning = DisclosureLearning(disclosures, POLICY)
    ids = [f"{number:032x}" for number in range(5)]
    await learning.on_handed_over([received(handed_over(an_id, 10 * n)) for n, an_id in enumerate(ids)])

    async def shown(wanted: Wanted, **page: int) -> list[str]:
        return [d.disclosure_id for d in await disclosures.newest(wanted, **{"limit": 10, **page})]

    assert await shown(Wanted()) == ids[::-1]
    assert await shown(Wanted(), limit=2, skip=1) == [ids[3], ids[2]]
    assert await shown(Wanted(since=at(10), until=at(30))) == [ids[2], ids[1]]
    assert await shown(Wanted(recipient="state_bodies")) == []
    assert await disclosures.count(Wanted(recipient="courier_partner", since=at(20))) == 3


def approvals(database: Database, record: Record, disclosures: DisclosureRegisterStore) -> Approvals:
    acts = StateDisclosures(disclosures, record, POLICY)
    return Approvals(ProposalStore(database), record, {"state_disclosure": acts.carry_out})


async def test_a_state_body_s_demand_is_recorded_when_somebody_else_approves(
    mongo: Client, database: Database, record: Record, disclosures: DisclosureRegisterStore
) -> None:
    acts, subject_id = approvals(database, record, disclosures), new_id()
    proposal = await acts.propose("state_disclosure", subject_id, OFFICER, NOON, details=DEMAND.details())
    assert await disclosures.count(Wanted()) == 0
    with pytest.raises(NotYoursToDecide):
        await acts.decide(proposal.proposal_id, Decision("approved", "as_proposed"), OFFICER, at(5))
    await acts.decide(proposal.proposal_id, Decision("approved", "as_proposed"), APPROVER, at(60))
    (known,) = await disclosures.newest(Wanted(recipient="state_bodies"), limit=10)
    assert (known.disclosure_id, known.subject_id, known.disclosed_at) == (proposal.proposal_id, subject_id, at(60))
    assert (known.recipient_name, known.fields) == (DEMAND.body, ("email", "phone"))
    assert (known.article, known.document, known.document_date) == ("АПК 73-бап", "7512-26-00-2/345", "2026-03-02")
    assert (known.purpose, known.basis) == ("art. 9", "clause 4.3.2; Law 94-V art. 9")
    assert await on_the_ledger(database) == ["proposed", "proposal_approved", "state_disclosure_recorded"]
    courier_s = replace(known, disclosure_id=new_id(), recipient="courier_partner")
    somebody_else_s = replace(known, disclosure_id=new_id(), subject_id=new_id())
    await disclosures.learn([courier_s, somebody_else_s])  # delivery tells the person of the one, nobody of the other
    (use,) = await in_transaction(mongo, lambda session: disclosures.uses(subject_id, 10, session))
    assert (use.recipient, use.recipient_name, use.fields) == ("state_bodies", DEMAND.body, ("email", "phone"))


async def test_a_refused_demand_leaves_no_disclosure(
    database: Database, record: Record, disclosures: DisclosureRegisterStore
) -> None:
    acts = approvals(database, record, disclosures)
    proposal = await acts.propose("state_disclosure", new_id(), OFFICER, NOON, details=DEMAND.details())
    await acts.decide(proposal.proposal_id, Decision("refused", "law_forbids"), APPROVER, at(60))
    assert await disclosures.count(Wanted()) == 0


async def test_two_that_carry_it_out_at_once_record_it_once(
    database: Database, record: Record, disclosures: DisclosureRegisterStore
) -> None:
    acts = approvals(database, record, disclosures)
    proposal = await acts.propose("state_disclosure", new_id(), OFFICER, NOON, details=DEMAND.details())
    carry_out = acts.carry_out["state_disclosure"]
    await asyncio.gather(*(carry_out(proposal, at(number)) for number in range(6)))
    assert await disclosures.count(Wanted()) == 1
    assert (await on_the_ledger(database)).count("state_disclosure_recorded") == 1


# Figures.


async def test_figures_count_cases_and_what_their_receipts_erased(office: Office) -> None:
    people = await office.arrive(2, open_order=False)
    (waiting,) = await office.arrive(1, open_order=True)
    for person in (*people, waiting):
        await office.withdraw(person)
    await office.run()
    cases = [await office.case_of(person) for person in (*people, waiting)]
    today = cases[0].received_at.astimezone(ALMATY).date()
    figures = CaseFiguresStore(office.database("privacy"))
    since = cases[0].received_at - timedelta(minutes=1)
    erased = sum(
        count["destroyed"] + count["depersonalised"]
        for case in cases
        for receipts in case.receipts.values()
        for receipt in receipts.values()
        for count in receipt["collections"].values()
    )
    assert erased > 0
    assert await figures.received(since) == {today: 3}
    assert await figures.closed(since) == {today: 2}
    assert await figures.erased(since) == {today: erased}
    assert await figures.deadlines() == {cases[2].deadline: 1}
    assert await figures.received(since + timedelta(days=1)) == {}


@pytest.mark.parametrize(("hour", "day"), [(0, 2), (23, 2), (24, 3)])
async def test_figures_count_by_almaty_s_days(mongo: Client, database: Database, hour: int, day: int) -> None:
    moment = datetime(2026, 3, 2, tzinfo=ALMATY) + timedelta(hours=hour, minutes=30)
    case = a_case(received_at=moment, closed_at=moment, state="closed")
    await in_transaction(mongo, partial(CaseStore(database).save, [case]))
    figures, since = CaseFiguresStore(database), moment - timedelta(days=14)
    assert await figures.received(since) == await figures.closed(since) == {date(2026, 3, day): 1}


async def test_what_pages_ask_for_is_found_by_an_index(
    mongo: Client, database: Database, disclosures: DisclosureRegisterStore
) -> None:
    cases, proposals, applications = CaseStore(database), ProposalStore(database), ApplicationStore(database)
    figures = CaseFiguresStore(database)
    for store in (cases, proposals, applications):
        await store.ensure_indexes()
    await in_transaction(mongo, partial(cases.save, [a_case()]))
    await DisclosureLearning(disclosures, POLICY).on_handed_over([received(handed_over("ab" * 16))])
    await database.command("profile", 2)
    for figure in (figures.received, figures.closed, figures.erased):
        await figure(NOON)
    await figures.deadlines()
    await cases.by_state()
    for view in VIEWS:
        await cases.matching(query_of(view, NOON), limit=10)
    await proposals.waiting(not_of="0f" * 16)
    await proposals.newest(10)
    await applications.highest_numbers()
    await applications.newest(10)
    for wanted in (Wanted(), Wanted(recipient="courier_partner"), Wanted(since=NOON)):
        await disclosures.newest(wanted, limit=10)
    await database.command("profile", 0)
    asked = [entry async for entry in database["system.profile"].find({"op": {"$in": ["query", "command"]}})]
    slow = [
        entry["command"]
        for entry in asked
        if "COLLSCAN" in entry.get("planSummary", "") or (entry.get("hasSortStage") and "skip" in entry["command"])
    ]
    assert len(asked) >= 15
    assert slow == []
