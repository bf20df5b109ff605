"""The policy file against the contracts and the services as they are (`make check` asks the same)."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.check_policy import code
from deploy.collections_in_code import Used, collections_in
from shared.policy.check import problems
from shared.policy.load import load_policy
from tests.architecture.a_copy import ROOT, a_copy, plant

pytestmark = pytest.mark.architecture


def test_policy_and_code_agree() -> None:
    assert problems(load_policy(), code()) == ()


def test_the_code_is_really_looked_at() -> None:
    found = code()
    assert set(found.personal_fields) >= {"phone", "residence", "order_items"}
    assert set(found.views) >= {"delivery", "notifications", "privacy"}
    assert {"cases", "ledger", "outbox"} <= set(found.collections["privacy"])
    assert set(found.collections["keyring"]) == {"subjects", "people", "epochs"}


@pytest.mark.parametrize(
    "source",
    [
        'COLLECTION = "baskets"',
        'COLLECTION: Final = "baskets"',
        'BASKETS_COLLECTION = "baskets"',
        'self._baskets = self._database["baskets"]',
        'db.get_collection("baskets")',
        'client["privacy"]["baskets"]',
    ],
)
def test_a_collection_that_is_not_mapped_is_found(tmp_path: Path, source: str) -> None:
    root = a_copy(tmp_path)
    plant(root, "services.privacy.basket_store", source)
    (problem,) = problems(load_policy(), code(root))
    assert problem.where == "services/privacy/basket_store.py:1: baskets"


def test_what_shared_code_keeps_it_keeps_for_those_who_import_it(tmp_path: Path) -> None:
    """Also by way of another module, and for nobody else."""
    root = a_copy(tmp_path)
    plant(root, "shared.stores.basket_store", 'COLLECTION = "baskets"')
    plant(root, "shared.stores.basket_sum", "from shared.stores.basket_store import COLLECTION")
    assert "baskets" not in code(root).collections["privacy"]
    plant(root, "services.privacy.place_wager", "from shared.stores import basket_sum")
    found = code(root).collections
    assert found["privacy"]["baskets"] == "shared/stores/basket_store.py:1"
    assert not any("baskets" in found[other] for other in ("intake", "delivery", "notifications"))


def test_another_database_is_told_from_the_service_s_own(tmp_path: Path) -> None:
    path = plant(tmp_path, "services.privacy.basket_store", 'self._client["keyring"]["subjects"]')
    assert collections_in(path.parent, tmp_path) == [
        Used("keyring", "subjects", "services/privacy/basket_store.py:1"),
    ]


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    text = (ROOT / "shared/policy/policy.yaml").read_text(encoding="utf-8")
    policy.write_text(text.replace("      delivery: [3.2.3]\n", "", 1), encoding="utf-8")
    command = [sys.executable, "-m", "deploy.check_policy", str(policy)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "view of delivery: family_name" in result.stderr
    assert "(clause 4.3.1)" in result.stderr
