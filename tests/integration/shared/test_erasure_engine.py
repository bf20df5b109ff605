"""Clause 1.4, Law 94-V art. 1(6)-(7), 8(2): a person's records, and no other's, go as the plan says, counted."""

import pytest

from shared.messaging.cloudevents import new_id
from shared.stores.erasure import Restricted, Target
from shared.stores.mongo import Client, Database
from tests.builders import NOON
from tests.integration.shared.a_store import STORE, Shelf, a_plan, a_store

pytestmark = pytest.mark.integration


@pytest.fixture
async def shelf(mongo: Client, database: Database) -> Shelf:
    shelf = Shelf(mongo, database)
    await shelf.engine.ensure_indexes()
    return shelf


ERASED = {
    "parcels": {"matched": 1, "destroyed": 1},
    "orders": {"matched": 1, "depersonalised": 1},
    "papers": {"matched": 2, "depersonalised": 2},
    "people": {"matched": 1, "destroyed": 1},
    "proofs": {"matched": 1, "kept": 1},
}
NOTHING: dict[str, dict[str, int]] = {name: {} for name in ERASED}
AGAIN = {**NOTHING, "proofs": {"matched": 1, "kept": 1}}


async def test_each_collection_is_treated_as_its_plan_says_and_counted(shelf: Shelf) -> None:
    subject, _ = await shelf.person()
    assert await shelf.erase(Target(subject)) == {subject: ERASED}
    left = await shelf.everything()
    assert (left["parcels"], left["people"]) == ([], [])
    assert [set(row) for row in left["orders"]] == [{"_id", "status", "erased_at"}]
    assert [(set(row), row["deep"]) for row in left["papers"]] == [
        ({"_id", "deep", "size", "erased_at"}, {"size": 1})
    ] * 2
    assert left["proofs"][0]["subject_id"] == subject
    assert len(left["sums"]) == 1


async def test_nobody_else_is_touched(shelf: Shelf) -> None:
    await shelf.person()
    before = await shelf.everything()
    subject, _ = await shelf.person()
    await shelf.erase(Target(subject))
    after = await shelf.everything()
    for name, rows in before.items():
        assert [row for row in after[name] if row in rows] == rows


async def test_erasing_twice_matches_nothing_and_is_success(shelf: Shelf) -> None:
    subject, _ = await shelf.person()
    await shelf.erase(Target(subject))
    left = await shelf.everything()
    assert await shelf.erase(Target(subject)) == {subject: AGAIN}
    assert await shelf.everything() == left


async def test_erasing_somebody_who_is_not_there_is_success(shelf: Shelf) -> None:
    subject = new_id()
    assert await shelf.erase(Target(subject)) == {subject: NOTHING}


async def test_records_an_open_order_needs_wait_and_are_counted_as_waiting(shelf: Shelf) -> None:
    subject, order = await shelf.person()
    await shelf.put("parcels", subject_id=subject, order_id=new_id(), status="done")
    counts = (await shelf.erase(Target(subject, (order,))))[subject]
    assert counts == {
        **ERASED,
        "parcels": {"matched": 2, "destroyed": 1, "deferred": 1},
        "orders": {"matched": 1, "deferred": 1},
    }
    left = await shelf.everything()
    assert [row["order_id"] for row in left["parcels"]] == [order]
    assert left["parcels"][0]["sealed"] == b"x"
    assert [set(row) for row in left["orders"]] == [{"_id", "subject_id", "status"}]  # the envelope did not wait


async def test_what_waited_goes_once_the_order_is_settled(shelf: Shelf) -> None:
    subject, order = await shelf.person()
    await shelf.erase(Target(subject, (order,)))
    counts = (await shelf.erase(Target(subject)))[subject]
    assert counts == {
        **AGAIN,
        "parcels": {"matched": 1, "destroyed": 1},
        "orders": {"matched": 1, "depersonalised": 1},
    }
    assert not await shelf.database["parcels"].count_documents({})
    assert not await shelf.database["orders"].count_documents({"subject_id": {"$exists": True}})


async def test_one_persons_open_order_does_not_make_anothers_records_wait(shelf: Shelf) -> None:
    (one, order), (other, _) = await shelf.person(), await shelf.person()
    counts = await shelf.erase(Target(one, (order,)), Target(other))
    assert counts[one]["parcels"] == {"matched": 1, "deferred": 1}
    assert counts[other] == ERASED


async def test_record_that_is_still_found_after_erasing_is_residual(mongo: Client, database: Database) -> None:
    """A plan that forgets the subject's path: the policy's own check refuses it, and the counts would show it."""
    shelf = Shelf(mongo, database, a_store(papers=a_plan(action="depersonalise", unset=["name"])))
    subject = new_id()
    await shelf.put("papers", subject_id=subject, name="Ақбөпе")
    assert await shelf.erase(Target(subject)) == {subject: {"papers": {"matched": 1, "residual": 1}}}


async def test_restricting_marks_records_counts_them_and_names_open_orders(shelf: Shelf) -> None:
    subject, order = await shelf.person(parcel="on_its_way", order="placed")
    other = new_id()
    await shelf.put("parcels", subject_id=subject, order_id=other, status="waiting")
    await shelf.put("parcels", subject_id=subject, order_id=new_id(), status="done")
    nobody = new_id()
    assert await shelf.restrict(subject, nobody) == {
        subject: Restricted(7, tuple(sorted((order, other)))),
        nobody: Restricted(0, ()),
    }
    rows = await shelf.everything()
    assert all(row["restricted_at"] == NOON for name in ("parcels", "orders", "people") for row in rows[name])
    assert not [row for name in ("papers", "proofs", "outbox") for row in rows[name] if "restricted_at" in row]


async def test_restricting_leaves_others_as_they_are(shelf: Shelf) -> None:
    (one, _), (other, _) = await shelf.person(), await shelf.person()
    await shelf.restrict(one)
    assert not await shelf.database["parcels"].count_documents(
        {"subject_id": other, "restricted_at": {"$exists": True}}
    )


async def test_thousands_of_subjects_are_one_call(shelf: Shelf) -> None:
    subjects = [new_id() for _ in range(3_000)]
    await shelf.database["papers"].insert_many([{"_id": new_id(), "subject_id": s, "name": "x"} for s in subjects])
    await shelf.database["parcels"].insert_many(
        [{"_id": new_id(), "subject_id": s, "order_id": s, "status": "waiting"} for s in subjects]
    )
    counts = await shelf.erase(*(Target(s, (s,) if number % 3 == 0 else ()) for number, s in enumerate(subjects)))
    assert len(counts) == 3_000
    assert sum(count["parcels"].get("deferred", 0) for count in counts.values()) == 1_000
    assert sum(count["parcels"].get("destroyed", 0) for count in counts.values()) == 2_000
    assert sum(count["papers"]["depersonalised"] for count in counts.values()) == 3_000


async def test_every_collection_is_found_by_its_subject_through_an_index(shelf: Shelf) -> None:
    """Otherwise an erasure would take longer, the more people there are."""
    await shelf.person()
    for name, plan in STORE.collections.items():
        if plan.transient or plan.subject is None:
            continue
        explained = await shelf.database.command(
            "explain", {"find": name, "filter": {plan.subject: {"$in": ["a", "b"]}}}, verbosity="queryPlanner"
        )
        assert "COLLSCAN" not in str(explained["queryPlanner"]["winningPlan"]), name
