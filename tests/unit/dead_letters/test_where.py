"""Which cluster `sealed dead-letters` speaks to."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from deploy.dead_letters import commands
from shared.messaging.kafka_address import KafkaAddress

NAMES = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_USERNAME", "KAFKA_PASSWORD", "KAFKA_CA_FILE")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[KafkaAddress]:
    addresses: list[KafkaAddress] = []

    async def everything(kafka: KafkaAddress, topics: Iterable[str]) -> list[object]:
        addresses.append(kafka)
        return []

    monkeypatch.setattr(commands, "everything", everything)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return addresses


def test_the_one_of_the_environment_as_its_administrator(
    asked: list[KafkaAddress], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in zip(NAMES, ("broker.example.kz:9094", "administrator", "word", "ca.crt"), strict=True):
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["dead-letters", "list", "--var", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert asked == [KafkaAddress("broker.example.kz:9094", "administrator", "word", Path("ca.crt"))]


def test_without_one_the_local_stack_s_is_missed_in_words(asked: list[KafkaAddress], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["dead-letters", "list", "--var", str(tmp_path)])
    assert done.exit_code != 0
    assert "make run" in done.output
    assert asked == []
