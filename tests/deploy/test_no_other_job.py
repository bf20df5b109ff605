"""Why rotation is the only CronJob (deploy/k8s_manifests/jobs.py): what has expired goes by itself, in time."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.k8s_manifests.jobs import rotation
from tests.deploy.built import POLICY

ROOT = Path(__file__).parents[2]
ENDED_BY_A_WORKER = {("intake", "call_backs")}  # a person may go with one: end_call_backs.py
EXPIRING = [
    (store, collection)
    for store in POLICY.erasing_stores
    for collection, facts in POLICY.store(store).collections.items()
    if facts.expires
]


def names_beside_an_index_that_expires(store: str) -> Iterator[str]:
    """Every string of a module, of the service or shared, that makes one with the period of the policy."""
    for folder in (ROOT / "services" / store, ROOT / "shared"):
        for path in folder.rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            if any(isinstance(call, ast.Name) and call.id == "expire_after" for call in calls):
                yield from (str(one.value) for one in ast.walk(tree) if isinstance(one, ast.Constant))


@pytest.mark.parametrize(("store", "collection"), sorted(set(EXPIRING) - ENDED_BY_A_WORKER))
def test_mongodb_lets_go_what_has_expired(store: str, collection: str) -> None:
    assert collection in set(names_beside_an_index_that_expires(store))


def test_each_replica_of_intake_ends_call_backs_that_have_expired() -> None:
    assert set(EXPIRING) >= ENDED_BY_A_WORKER
    root = ast.parse((ROOT / "services" / "intake" / "app.py").read_text(encoding="utf-8"))
    nodes = list(ast.walk(root))
    assigned = {ast.unparse(one.targets[0]): ast.unparse(one.value) for one in nodes if isinstance(one, ast.Assign)}
    assert "call_backs.expire" in assigned["work"]
    assert "working(*work, clock=local_time)" in [ast.unparse(one) for one in nodes if isinstance(one, ast.Call)]


def test_a_collection_without_such_an_index_is_noticed() -> None:
    assert len(EXPIRING) > 3
    assert "orders" not in set(names_beside_an_index_that_expires("delivery"))


def test_a_key_encryption_key_is_replaced_in_time_even_where_one_rotation_is_missed() -> None:
    spec = next(one for one in rotation() if one["kind"] == "CronJob")["spec"]
    minute, hour, day, *every = spec["schedule"].split()
    assert (minute.isdigit(), hour.isdigit(), day, every) == (True, True, "1", ["*", "*"])  # on the first of each month
    assert 2 * timedelta(days=31) <= POLICY.period("kek_epoch").as_timedelta()
