"""Apache Kafka in KRaft mode: one node or three, each broker and controller, with SCRAM users and access lists.

Nobody is anonymous: clients and brokers prove who they are by SCRAM-SHA-512, controllers to one another by PLAIN (the
SCRAM users are in the metadata that controllers agree on first). What no list allows is refused, and no topic makes
itself. Loopback only, hence without TLS.
"""

import asyncio
import os
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.local.credentials import Credentials
from deploy.local.environment import child_environment
from deploy.local.layout import ROOT, Layout
from deploy.local.part import Part, PartMissing, StackError
from deploy.local.readiness import kafka_ready
from shared.messaging.kafka_address import KafkaAddress
from shared.sealing.kek_files import write_secret

ADMIN: Final = "kafka-admin"
JARS, LOGGING = ROOT / "deploy" / "kafka" / "jars", ROOT / "deploy" / "kafka" / "log4j2.properties"
_CLUSTER_ID = (
    urlsafe_b64encode(uuid.uuid5(uuid.NAMESPACE_DNS, "kafka.sealed-orders.example").bytes).decode().rstrip("=")
)
_REMEDY = "`make kafka` fetches it; that needs Java 17 and Maven (Debian: apt install openjdk-17-jre-headless maven)."


def brokers_wanted() -> int:
    """SEALED_KAFKA_BROKERS: 1 or 3; 0, or nothing, for the embedded broker. Raises StackError."""
    wanted = os.environ.get("SEALED_KAFKA_BROKERS") or "0"
    if wanted not in ("0", "1", "3"):
        raise StackError(
            "Apache Kafka runs here with 1 or 3 brokers: set BROKERS (SEALED_KAFKA_BROKERS) to one of them."
        )
    return int(wanted)


def names_of(brokers: int) -> tuple[str, ...]:
    """Of the parts."""
    return tuple(f"kafka-{number}" for number in range(1, brokers + 1))


def ports_of(brokers: int) -> tuple[str, ...]:
    """Names of the ports they need."""
    return tuple(f"{name}{suffix}" for name in names_of(brokers) for suffix in ("", "-controller"))


def address(ports: Mapping[str, int], brokers: int, credentials: Credentials) -> KafkaAddress:
    """The administrator's."""
    servers = ",".join(f"127.0.0.1:{ports[name]}" for name in names_of(brokers))
    return KafkaAddress(servers, ADMIN, credentials.password(ADMIN))


async def kafka_parts(
    layout: Layout, ports: Mapping[str, int], brokers: int, credentials: Credentials
) -> Sequence[Part]:
    """With their storage formatted. Raises PartMissing, or StackError where it can't be formatted."""
    if not (JARS / ".pom").exists():
        raise PartMissing("Apache Kafka", _REMEDY)
    return await asyncio.gather(*(_part(layout, name, ports, brokers, credentials) for name in names_of(brokers)))


async def _part(layout: Layout, name: str, ports: Mapping[str, int], brokers: int, credentials: Credentials) -> Part:
    properties = layout.run / f"{name}.properties"
    data = layout.var / "data" / name
    data.mkdir(parents=True, exist_ok=True)
    password = credentials.password(ADMIN)
    write_secret(properties, _properties(name, data, ports, brokers, password))
    if not (data / "meta.properties").exists():
        await _format(layout, name, properties, password)
    java = ("java", "-Xmx512m", f"-Dlog4j2.configurationFile={LOGGING}", "-cp", f"{JARS}/*")
    own = KafkaAddress(f"127.0.0.1:{ports[name]}", ADMIN, password)
    argv = (*java, "kafka.Kafka", str(properties))
    return Part(name, argv, child_environment(), kafka_ready(own), start_seconds=180, stop_seconds=10)


async def _format(layout: Layout, name: str, properties: Path, password: str) -> None:
    """With the administrator, who makes all other users. The password goes by a file: a command line is public."""
    arguments = layout.secrets / f"{name}.format"
    write_secret(
        arguments,
        f'-cp "{JARS}/*" kafka.tools.StorageTool format -t {_CLUSTER_ID} -c "{properties}" '
        f'--add-scram "SCRAM-SHA-512=[name={ADMIN},password={password}]"\n',
    )
    tool = await asyncio.create_subprocess_exec(
        "java", f"@{arguments}", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await tool.communicate()
    arguments.unlink()
    if tool.returncode:
        raise StackError(f"The storage of {name} can't be formatted: {errors.decode(errors='replace').strip()[-500:]}")


def _properties(name: str, data: Path, ports: Mapping[str, int], brokers: int, password: str) -> str:
    """One node's configuration."""
    node = name.rpartition("-")[2]
    voters = ",".join(f"{n.rpartition('-')[2]}@127.0.0.1:{ports[f'{n}-controller']}" for n in names_of(brokers))
    user = f'required username="{ADMIN}" password="{password}"'
    scram = f"org.apache.kafka.common.security.scram.ScramLoginModule {user};"
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule {user} user_{ADMIN}="{password}";'
    settings = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters,
        "listeners": f"CLIENT://127.0.0.1:{ports[name]},CONTROLLER://127.0.0.1:{ports[f'{name}-controller']}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{ports[name]}",
        "log.dirs": str(data),
        **SECURITY,
        **replication(brokers),
        "listener.name.client.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.controller.plain.sasl.jaas.config": plain,
        # Small numbers for a small machine.
        "offsets.topic.num.partitions": "6",
        "transaction.state.log.num.partitions": "6",
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "4",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


SECURITY: Final[Mapping[str, str]] = {
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
    "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{ADMIN}",
    "allow.everyone.if.no.acl.found": "false",
    "auto.create.topics.enable": "false",
}


def replication(brokers: int) -> Mapping[str, str]:
    """A message is acknowledged when all but one of the nodes have it."""
    copies, in_sync = str(brokers), str(max(1, brokers - 1))
    return {
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "transaction.state.log.min.isr": in_sync,
        "unclean.leader.election.enable": "false",
    }
