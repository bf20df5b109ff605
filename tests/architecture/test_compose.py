"""compose.yaml gives what the local stack gives: nobody anonymous, nothing allowed that no list allows, data kept."""

import re
from typing import Any

import pytest
import yaml

from deploy.local.kafka import ADMIN, SECURITY, replication
from deploy.local.layout import ROOT
from deploy.local.mongod import REPLICA_SET

pytestmark = pytest.mark.architecture

COMPOSE: dict[str, Any] = yaml.safe_load(ROOT.joinpath("compose.yaml").read_text())
SERVERS: dict[str, dict[str, Any]] = COMPOSE["services"]
KAFKA: dict[str, str] = dict(line.split("=", 1) for line in COMPOSE["configs"]["kafka"]["content"].splitlines())
POM = ROOT.joinpath("deploy", "kafka", "pom.xml").read_text()


def test_kafka_is_secured_and_replicated_as_the_launcher_does_it() -> None:
    wanted = {**SECURITY, **replication(1)}
    assert {name: KAFKA.get(name) for name in wanted} == wanted


def test_kafka_is_of_the_version_that_is_tested() -> None:
    found = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.*)</version>", POM)
    assert found is not None
    assert SERVERS["kafka"]["image"] == f"apache/kafka:{found[1]}"


def test_no_listener_of_kafka_is_anonymous() -> None:
    protocols = dict(pair.split(":") for pair in KAFKA["listener.security.protocol.map"].split(","))
    listeners = {listener.split("://")[0] for listener in KAFKA["listeners"].split(",")}
    assert listeners == set(protocols)
    assert set(protocols.values()) == {"SASL_PLAINTEXT"}
    assert KAFKA["super.users"] == f"User:{ADMIN}"


def test_mongodb_asks_who_speaks_and_has_transactions() -> None:
    command = SERVERS["mongodb"]["command"]
    assert "--auth" in command
    assert f"--replSet={REPLICA_SET}" in command
    assert any(option.startswith("--keyFile=") for option in command)


def test_no_password_is_written_down_and_none_has_a_default() -> None:
    given = {
        name: value
        for server in SERVERS.values()
        for name, value in server["environment"].items()
        if "PASSWORD" in name
    }
    assert len(given) == 2
    assert all(re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", value) for value in given.values())
    assert set(re.findall(r'(?:password|user_[\w-]+)="(.*?)"', "\n".join(KAFKA.values()))) == {"@PASSWORD@"}


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_is_on_loopback_keeps_its_data_and_says_how_it_is(name: str) -> None:
    """In clear, so for one machine; data outlive their container; who starts after it can wait for it."""
    server = SERVERS[name]
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    volumes = [volume.split(":")[0] for volume in server["volumes"]]
    assert volumes
    assert set(volumes) <= set(COMPOSE["volumes"])
    assert server["healthcheck"]["test"]


def test_kafkas_data_are_where_its_volume_is() -> None:
    (volume,) = SERVERS["kafka"]["volumes"]
    assert volume.split(":")[1] == KAFKA["log.dirs"]
