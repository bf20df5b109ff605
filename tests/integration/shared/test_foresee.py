"""A preview may not differ from what happens: what is foreseen is what erasure then counts, and nothing moves."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.erasure import CollectionCount
from shared.policy.rows import Store
from shared.stores.erasure import Target
from shared.stores.mongo import Client, Database, Session, in_transaction
from tests.builders import NOON
from tests.integration.shared.a_store import Shelf, a_plan, a_store

pytestmark = pytest.mark.integration

PEOPLE = ("aa", "bb", "cc")
ORDERS = tuple(f"{person}{number}" for person in PEOPLE for number in range(3))
KEPT = {"action": "keep", "ground": "Proof", "article": "art. 1"}


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    order = {"order": draw(st.sampled_from(["order_id", "_id"]))}
    waits = draw(st.booleans())
    match draw(st.sampled_from(["destroy", "depersonalise", "keep"])):
        case "destroy":
            return a_plan(action="destroy", **order, **({"deferred_by": "open_order"} if waits else {}))
        case "depersonalise":
            settled = {"until_settled": ["subject_id"]} if waits else {}
            return a_plan(action="depersonalise", unset=["subject_id", "name"], **order, **settled)
        case _:
            return a_plan(**KEPT, **order)


records = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(ORDERS)), max_size=8, unique_by=lambda r: r[1])
stores = st.dictionaries(st.sampled_from(["parcels", "papers", "proofs"]), st.tuples(plans(), records), min_size=1)
targets = st.lists(
    st.builds(Target, st.sampled_from(PEOPLE), st.sets(st.sampled_from(ORDERS)).map(lambda o: tuple(sorted(o)))),
    min_size=1,
    max_size=3,
    unique_by=lambda target: target.subject_id,
)


async def foreseen(shelf: Shelf, chosen: list[Target]) -> dict[str, dict[str, CollectionCount]]:
    async def work(session: Session) -> dict[str, dict[str, CollectionCount]]:
        return await shelf.engine.foresee(chosen, session)

    return await in_transaction(shelf.client, work)


async def erased(shelf: Shelf, chosen: list[Target]) -> dict[str, dict[str, CollectionCount]]:
    async def work(session: Session) -> dict[str, dict[str, CollectionCount]]:
        return await shelf.engine.erase(chosen, NOON, session)

    return await in_transaction(shelf.client, work)


async def filled(client: Client, database: Database, made_up: dict[str, Any]) -> Shelf:
    for name in await database.list_collection_names():
        await database[name].delete_many({})
    store: Store = a_store(**{name: plan for name, (plan, _) in made_up.items()})
    shelf = Shelf(client, database, store)
    for name, (_, rows) in made_up.items():
        for subject_id, order_id in rows:
            await shelf.put(name, _id=order_id, subject_id=subject_id, order_id=order_id, name="x", sealed=b"x")
    return shelf


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made_up=stores, chosen=targets)
async def test_what_is_foreseen_is_what_happens(
    mongo: Client, database: Database, made_up: dict[str, Any], chosen: list[Target]
) -> None:
    shelf = await filled(mongo, database, made_up)
    before = await shelf.everything()
    preview = await foreseen(shelf, chosen)
    assert await shelf.everything() == before, "looking changes nothing"
    assert preview == await erased(shelf, chosen)


async def test_a_preview_says_what_waits_and_what_is_kept(mongo: Client, database: Database) -> None:
    shelf = Shelf(mongo, database)
    subject, order = await shelf.person(parcel="on_its_way", order="placed")
    counts = (await foreseen(shelf, [Target(subject, (order,))]))[subject]
    said = {name: {kind: n for kind, n in count.model_dump().items() if n} for name, count in counts.items()}
    assert said == {
        "parcels": {"matched": 1, "deferred": 1},
        "orders": {"matched": 1, "deferred": 1},
        "papers": {"matched": 2, "depersonalised": 2},
        "people": {"matched": 1, "destroyed": 1},
        "proofs": {"matched": 1, "kept": 1},
    }
