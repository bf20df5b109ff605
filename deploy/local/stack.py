"""A local stack: mongod and a broker (or external ones), the outside world, the services. Used by `sealed run`, the
demo and the tests alike:

    async with local_stack(var) as stack:
        stack.info.services["intake"].url
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from deploy.local.credentials import Credentials
from deploy.local.external import External
from deploy.local.kafka import brokers_wanted
from deploy.local.kafka_cluster import BROKER, KafkaCluster
from deploy.local.layout import SERVICES, Layout
from deploy.local.lock import only_one
from deploy.local.mongodb_server import MONGOD, MongodbServer
from deploy.local.outside.mailbox import NAME as MAILBOX
from deploy.local.outside.mailbox import mailbox_part
from deploy.local.outside.parts import NAMES as OUTSIDE
from deploy.local.outside.parts import outside_parts
from deploy.local.part import Part, PartMissing
from deploy.local.parts import Parts, Report
from deploy.local.ports import choose_ports
from deploy.local.replicas import names_of, replicas_wanted, service_of
from deploy.local.services import Rewire, Surroundings, as_it_is, service_part
from deploy.local.stack_info import KafkaInfo, MongodbInfo, OutsideInfo, ServiceInfo, StackInfo, Tokens
from deploy.local.together import together
from deploy.provision import keys
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.load import load_policy


@asynccontextmanager
async def local_stack(
    var: Path,
    *,
    services: Sequence[str] = SERVICES,
    outside: bool = True,
    replicas: int | None = None,
    kafka_brokers: int | None = None,
    key_cache_seconds: float = 2.0,
    drain_seconds: float = 0.0,
    log_format: str = "json",
    external: External | None = None,
    report: Report = lambda part, line: None,
    rewire: Rewire = as_it_is,
) -> AsyncIterator["LocalStack"]:
    """A stack that works, until the end of the block; then it is drained in reverse order.

    services: which to start; with none, only mongod, the broker and the key files. outside: whether the services get
    their outside world. replicas: of each service, by default from SEALED_REPLICAS, else one. kafka_brokers: of Apache
    Kafka, 1 or 3; with 0 the embedded broker; by default from SEALED_KAFKA_BROKERS. drain_seconds: how long a service
    still answers after TERM. external: by default from KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI. report: called with a
    part's name and a line for people. rewire: the environment a service gets instead of its own, so that a proxy can
    stand between it and what it uses.

    Raises a StackError: PartMissing, PartFailed (also where a part isn't ready in time), StackRunning,
    CredentialsLost, ServerUnreachable.
    """
    layout = Layout.at(var)
    with only_one(layout):
        stack = LocalStack(
            layout,
            services=services,
            outside=outside and bool(services),
            replicas=replicas_wanted() if replicas is None else replicas,
            kafka_brokers=brokers_wanted() if kafka_brokers is None else kafka_brokers,
            key_cache_seconds=key_cache_seconds,
            drain_seconds=drain_seconds,
            log_format=log_format,
            external=External.from_environment() if external is None else external,
            report=report,
            rewire=rewire,
        )
        try:
            await stack.open()
            yield stack
        finally:
            await stack.close()


class LocalStack(Parts):
    """Made by `local_stack`. Parts go by name: `mongod`, `broker` (or `kafka-1`, …), `mail`, `sms`, `partner`,
    `mailbox`, and the services; a service's second replica is `intake-2`."""

    def __init__(
        self,
        layout: Layout,
        *,
        services: Sequence[str],
        outside: bool,
        replicas: int,
        kafka_brokers: int,
        key_cache_seconds: float,
        drain_seconds: float,
        log_format: str,
        external: External,
        report: Report,
        rewire: Rewire,
    ) -> None:
        super().__init__(layout.log, report)
        self.layout = layout
        self._replicas = {service: names_of(service, replicas) for service in services}
        self._outside = outside
        self._key_cache_seconds = key_cache_seconds
        self._drain_seconds = drain_seconds
        self._log_format = log_format
        self._rewire = rewire
        self._credentials = Credentials(layout.secrets)
        self._mongodb = MongodbServer(layout, self._credentials, external.mongodb_uri)
        self._cluster = KafkaCluster(layout, self._credentials, external.kafka, kafka_brokers)
        self._policy = load_policy()
        self._ports: dict[str, int] = {}
        self._opened = False

    @property
    def info(self) -> StackInfo:
        """What stack.json says, as of now. For a service that is just being started again: its last pid."""
        kafka, has_mongod = self._cluster.address(self._ports), self.has(MONGOD)
        replicas = {service: tuple(map(self._replica, names)) for service, names in self._replicas.items()}
        return StackInfo(
            services={service: first for service, (first, *_) in replicas.items()},
            replicas=replicas,
            kafka=KafkaInfo(
                bootstrap_servers=kafka.bootstrap_servers, username=kafka.username, password=kafka.password
            ),
            mongodb=MongodbInfo(
                uri=self._mongodb.uri(self._ports),
                pid=self.pid(MONGOD) if has_mongod else None,
                data_dir=self.layout.mongod_data if has_mongod else None,
            ),
            tokens=Tokens(**{role: self._credentials.token(role) for role in Tokens.model_fields}),
            outside=OutsideInfo(
                smtp_port=self._ports["mail"],
                mailbox=self._mailbox_address,
                mail_dir=self.layout.mail_dir,
                sms_log=self.layout.sms_log,
                partner_log=self.layout.partner_log,
            ),
            log_dir=self.layout.log,
        )

    def mongodb_uri(self, service: str) -> str:
        """The URI a service itself connects with."""
        return self._mongodb.uri_of(service, self._ports)

    def kafka(self, service: str) -> KafkaAddress:
        """What the service itself connects with."""
        return self._cluster.address_of(service, self._ports)

    async def start(self, name: str) -> None:
        """Start what `stop` stopped; return when it is ready."""
        await super().start(name)
        if name == MONGOD:
            await self._mongodb.bootstrap(self._ports)
        elif name == BROKER:
            await self._cluster.provision(self._ports, self._policy)

    async def open(self) -> None:
        """Start all parts, each as early as what it needs is there, and write stack.json."""
        self.layout.make()
        self.layout.stack_json.unlink(missing_ok=True)
        outside = OUTSIDE if self._outside else ()
        names = (MONGOD, *self._cluster.port_names, *OUTSIDE, MAILBOX, *self._service_parts)
        self._ports = dict(choose_ports(names, self.layout.run / "ports.json"))
        mailbox = self._mailbox_part() if self._outside else None
        parts = outside_parts(self.layout, self._ports, self._policy.controller.mailbox if mailbox else None)
        await together(
            self._open_mongodb(),
            self._open_kafka(),
            asyncio.to_thread(keys.provision, self.layout.keys, self._policy),
            *(self._open_part(part) for part in parts if part.name in outside),
            *(self._open_part(part) for part in (mailbox,) if part),
        )
        around = Surroundings(
            kafka=self._cluster.address(self._ports),
            kafka_idempotence=self._cluster.idempotent,
            mongodb_uri=self._mongodb.uri(self._ports),
            ports=self._ports,
            key_cache_seconds=self._key_cache_seconds,
            drain_seconds=self._drain_seconds,
            log_format=self._log_format,
            mailbox=self._mailbox_address,
        )
        await together(*(self._open_service(name, around) for name in self._service_parts))
        self._opened = True
        self.info.write(self.layout.stack_json)

    async def close(self) -> None:
        """Stop all parts, last started first: services drain while what they need is still there."""
        self._opened = False
        self.layout.stack_json.unlink(missing_ok=True)
        await self.stop_all(self._service_parts, (*OUTSIDE, MAILBOX), self._cluster.names, (MONGOD,))

    async def _open_mongodb(self) -> None:
        await together(*(self._open_part(part) for part in self._mongodb.parts(self._ports)))
        await self._mongodb.provision(self._ports, self._policy)

    async def _open_kafka(self) -> None:
        await together(*(self._open_part(part) for part in await self._cluster.parts(self._ports)))
        await self._cluster.provision(self._ports, self._policy)

    def _mailbox_part(self) -> Part | None:
        """None where its server is missing: everything else works without it."""
        user, password = self._policy.controller.mailbox, self._credentials.password(MAILBOX)
        try:
            return mailbox_part(self.layout, self._ports[MAILBOX], user, password)
        except PartMissing as missing:
            self._report(MAILBOX, f"off. {missing}")
            return None

    async def _open_service(self, name: str, around: Surroundings) -> None:
        part = service_part(name, self.layout, self._credentials, around)
        await self._open_part(replace(part, environment=await self._rewire(service_of(name), part.environment)))

    async def _open_part(self, part: Part) -> None:
        await self.add(part, on_change=self._rewrite_info)

    def _rewrite_info(self) -> None:
        if self._opened:
            self.info.write(self.layout.stack_json)

    def _replica(self, name: str) -> ServiceInfo:
        return ServiceInfo(url=f"http://127.0.0.1:{self._ports[name]}", pid=self.pid(name))

    @property
    def _service_parts(self) -> tuple[str, ...]:
        return tuple(name for names in self._replicas.values() for name in names)

    @property
    def _mailbox_address(self) -> str | None:
        return self._policy.controller.mailbox if self.has(MAILBOX) else None
