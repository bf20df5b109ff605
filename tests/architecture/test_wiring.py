"""Only app.py constructs adapters, and an act never imports another act."""

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
