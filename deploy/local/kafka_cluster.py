"""Which Kafka a stack uses: somebody else's cluster, Apache Kafka of its own, or the embedded broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from deploy.local import kafka
from deploy.local.broker import broker_part
from deploy.local.credentials import Credentials
from deploy.local.external import ServerUnreachable
from deploy.local.layout import SERVICES, Layout
from deploy.local.part import Part
from deploy.local.readiness import kafka_knows, kafka_ready, opened
from deploy.provision import kafka as provisioning
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.model import Policy

BROKER: Final = "broker"


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """`brokers`: of Apache Kafka; 0 for the embedded one. `external` goes before both."""

    layout: Layout
    credentials: Credentials
    external: KafkaAddress | None
    brokers: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parts it has."""
        return () if self.external else kafka.names_of(self.brokers) or (BROKER,)

    @property
    def port_names(self) -> tuple[str, ...]:
        return () if self.external else kafka.ports_of(self.brokers) or (BROKER,)

    @property
    def idempotent(self) -> bool:
        """Whether it has idempotent producers: all but the embedded broker do."""
        return bool(self.external or self.brokers)

    def address(self, ports: Mapping[str, int]) -> KafkaAddress:
        """The administrator's."""
        if self.external:
            return self.external
        if self.brokers:
            return kafka.address(ports, self.brokers, self.credentials)
        return KafkaAddress(f"127.0.0.1:{ports[BROKER]}")

    def address_of(self, service: str, ports: Mapping[str, int]) -> KafkaAddress:
        """As the service itself connects: by its own name, where the cluster asks who speaks."""
        admin = self.address(ports)
        if admin.username is None:
            return admin
        return replace(admin, username=service, password=self.credentials.kafka_password(service))

    async def parts(self, ports: Mapping[str, int]) -> Sequence[Part]:
        """To start. Raises PartMissing, or ServerUnreachable for an external cluster."""
        if self.external:
            if not await kafka_ready(self.external)():
                raise ServerUnreachable("KAFKA_BOOTSTRAP_SERVERS", "no answer")
            return ()
        if self.brokers:
            return await kafka.kafka_parts(self.layout, ports, self.brokers, self.credentials)
        return (broker_part(ports[BROKER]),)

    async def provision(self, ports: Mapping[str, int], policy: Policy) -> None:
        """Topics, users and access lists."""
        passwords = {service: self.credentials.kafka_password(service) for service in SERVICES}
        for name in kafka.names_of(self.brokers) if not self.external else ():
            # One that has not heard of all others yet would make topics with fewer copies.
            own = replace(self.address(ports), bootstrap_servers=f"127.0.0.1:{ports[name]}")
            await opened(kafka_knows(own, self.brokers))
        await provisioning.provision(self.address(ports), policy, passwords)
