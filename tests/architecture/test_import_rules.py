"""Who may import whom (`.importlinter`). A rule that can't fail checks nothing: each is shown a violation.

The leak this prevents: a service that imports another's store, or a contract that imports a driver, reads data
around the envelopes made for it.
"""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.architecture.a_copy import ROOT, a_copy, plant

pytestmark = pytest.mark.architecture

VIOLATIONS = [
    ("services", "services.intake.planted", "import services.privacy.case"),
    ("shared", "shared.policy.planted", "import services.privacy.case"),
    ("shared", "shared.policy.planted", "import deploy.check_policy"),
    ("deploy", "services.privacy.planted", "import deploy.check_policy"),
    ("layers", "shared.observability.planted", "import shared.policy.model"),
    ("layers", "shared.policy.planted", "import shared.sealing.envelope"),
    ("layers", "shared.sealing.planted", "import shared.contracts.event"),
    ("layers", "shared.contracts.planted", "import shared.stores.mongo"),
    ("layers", "shared.stores.planted", "import shared.messaging.outbox"),
    ("layers", "shared.messaging.planted", "import shared.http.server"),
    ("layers", "shared.utils.planted", ""),
    ("pure", "shared.policy.planted", "import pymongo"),
    ("pure", "shared.contracts.planted", "import aiokafka"),
    ("pure", "services.privacy.case", "import faststream"),
    ("pure", "services.privacy.case_facts", "import motor"),
    ("wiring", "services.privacy.planted", "from motor.motor_asyncio import AsyncIOMotorClient"),
    ("wiring", "services.privacy.planted", "from faststream.kafka import KafkaBroker"),
    ("wiring", "services.privacy.planted", "from shared.messaging.broker import kafka_broker"),
]


def _lint(root: Path, *arguments: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", *arguments]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def _name(contract: str) -> str:
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter")
    return rules[f"importlinter:contract:{contract}"]["name"]


def test_every_rule_holds() -> None:
    code, output = _lint(ROOT)
    assert code == 0, output
    assert " 0 broken" in output


def test_every_rule_is_shown_a_violation() -> None:
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    declared = {section.removeprefix(prefix) for section in rules.sections() if section.startswith(prefix)}
    assert declared == {contract for contract, _, _ in VIOLATIONS}


@pytest.mark.parametrize(("contract", "module", "source"), VIOLATIONS)
def test_a_planted_violation_breaks_its_rule(tmp_path: Path, contract: str, module: str, source: str) -> None:
    root = a_copy(tmp_path)
    plant(root, module, source)
    code, output = _lint(root, "--contract", contract)
    assert code == 1, output
    assert f"{_name(contract)} BROKEN" in output
