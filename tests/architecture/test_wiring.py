"""Only app.py constructs adapters, an act never imports another act, and replicas lease by one clock."""

import ast
from pathlib import Path

import pytest

from tests.architecture.a_copy import ROOT, a_copy, plant
from tests.architecture.wiring import acts_importing_acts, built_outside_app

pytestmark = pytest.mark.architecture


def test_adapters_are_built_in_app_alone() -> None:
    assert built_outside_app(ROOT) == []


@pytest.mark.parametrize(
    ("source", "built"),
    [
        ("from shared.messaging.outbox import Outbox\noutbox = Outbox(None, None, service='x')", "Outbox"),
        ("from services.privacy.case_store import CaseStore\nstore = CaseStore(None)", "CaseStore"),
        ("import shared.stores.mongo as mongo\nclient = mongo.connect('mongodb://', service='x')", "connect"),
    ],
)
def test_an_adapter_built_in_an_act_is_found(tmp_path: Path, source: str, built: str) -> None:
    root = a_copy(tmp_path)
    plant(root, "services.privacy.place_wager", source)
    assert built_outside_app(root) == [f"services/privacy/place_wager.py:2 builds {built}"]


def test_acts_stand_alone() -> None:
    assert acts_importing_acts(ROOT) == []


@pytest.mark.parametrize(
    "source",
    ["from services.privacy.place_wager import place_wager", "from services.privacy import place_wager"],
)
def test_an_act_that_imports_an_act_is_found(tmp_path: Path, source: str) -> None:
    root = a_copy(tmp_path)
    plant(root, "services.privacy.place_wager", "def place_wager() -> None: ...")
    plant(root, "services.privacy.settle_wager", source)
    assert acts_importing_acts(root) == ["services.privacy.settle_wager imports services.privacy.place_wager"]


def test_who_leases_goes_by_the_clock_that_all_replicas_share() -> None:
    stores = (ROOT / "services").rglob("*_store.py")
    leasing = {path.relative_to(ROOT).parts[1] for path in stores if "LEASE" in path.read_text(encoding="utf-8")}
    assert leasing == {"delivery", "notifications", "privacy"}
    for service in sorted(leasing):
        wiring = (ROOT / "services" / service / "app.py").read_text(encoding="utf-8")
        calls = [node for node in ast.walk(ast.parse(wiring)) if isinstance(node, ast.Call)]
        (work,) = [call for call in calls if ast.unparse(call.func) == "working"]
        assert {word.arg: ast.unparse(word.value) for word in work.keywords} == {"clock": "clock"}, service
        assert "\n    clock = partial(server_time, client)" in wiring, service
