"""A local stack: mongod and a broker (or external ones), the outside world, the services. Used by `sealed run`, the
demo and the tests alike:

    async with local_stack(var) as stack:
        stack.info.services["intake"].url
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from deploy.local.credentials import Credentials
from deploy.local.external import External
from deploy.local.kafka import brokers_wanted
from deploy.local.kafka_cluster import BROKER, KafkaCluster
from deploy.local.layout import ROOT, SERVICES, Layout
from deploy.local.lock import only_one
from deploy.local.mongodb_server import MONGOD, MongodbServer
from deploy.local.outside.mailbox import NAME as MAILBOX
from deploy.local.outside.mailbox import mailbox_part
from deploy.local.outside.parts import NAMES as OUTSIDE
from deploy.local.outside.parts import outside_parts
from deploy.local.part import Part, PartFailed, PartMissing
from deploy.local.ports import choose_ports
from deploy.local.services import Rewire, Surroundings, as_it_is, service_part
from deploy.local.stack_info import KafkaInfo, MongodbInfo, OutsideInfo, ServiceInfo, StackInfo, Tokens
from deploy.local.supervisor import Supervisor
from deploy.local.together import together
from deploy.provision import keys
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.load import load_policy

Report = Callable[[str, str], None]


@asynccontextmanager
async def local_stack(
    var: Path,
    *,
    services: Sequence[str] = SERVICES,
    outside: bool = True,
    kafka_brokers: int | None = None,
    key_cache_seconds: float = 2.0,
    log_format: str = "json",
    external: External | None = None,
    report: Report = lambda part, line: None,
    rewire: Rewire = as_it_is,
) -> AsyncIterator["LocalStack"]:
    """A stack that works, until the end of the block; then it is drained in reverse order.

    services: which to start; with none, only mongod, the broker and the key files. outside: whether the services get
    their outside world. kafka_brokers: of Apache Kafka, 1 or 3; with 0 the embedded broker; by default from
    SEALED_KAFKA_BROKERS. external: by default from KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI. report: called with a
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
            kafka_brokers=brokers_wanted() if kafka_brokers is None else kafka_brokers,
            key_cache_seconds=key_cache_seconds,
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


class LocalStack:
    """Made by `local_stack`. Parts go by name: `mongod`, `broker` (or `kafka-1`, …), `mail`, `sms`, `partner`,
    `mailbox`, and the services."""

    def __init__(
        self,
        layout: Layout,
        *,
        services: Sequence[str],
        outside: bool,
        kafka_brokers: int,
        key_cache_seconds: float,
        log_format: str,
        external: External,
        report: Report,
        rewire: Rewire,
    ) -> None:
        self.layout = layout
        self._services = tuple(services)
        self._outside = outside
        self._key_cache_seconds = key_cache_seconds
        self._log_format = log_format
        self._report = report
        self._rewire = rewire
        self._credentials = Credentials(layout.secrets)
        self._mongodb = MongodbServer(layout, self._credentials, external.mongodb_uri)
        self._cluster = KafkaCluster(layout, self._credentials, external.kafka, kafka_brokers)
        self._policy = load_policy()
        self._parts: dict[str, Supervisor] = {}
        self._ports: dict[str, int] = {}
        self._opened = False
        self._failure: asyncio.Future[PartFailed] = asyncio.get_running_loop().create_future()

    @property
    def info(self) -> StackInfo:
        """What stack.json says, as of now. For a service that is just being started again: its last pid."""
        mongod = self._parts.get(MONGOD)
        return StackInfo(
            services={
                name: ServiceInfo(url=f"http://127.0.0.1:{self._ports[name]}", pid=self.pid(name))
                for name in self._services
            },
            kafka=KafkaInfo(
                bootstrap_servers=self._kafka.bootstrap_servers,
                username=self._kafka.username,
                password=self._kafka.password,
            ),
            mongodb=MongodbInfo(
                uri=self._mongodb.uri(self._ports),
                pid=mongod.pid if mongod else None,
                data_dir=self.layout.mongod_data if mongod else None,
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

    def pid(self, part: str) -> int:
        return self._parts[part].pid

    async def kill(self, part: str) -> int:
        """As `kill -9`; returns the pid it hit. A service comes back by itself: `wait_ready` waits for that."""
        return self._parts[part].kill()

    async def stop(self, part: str) -> None:
        """TERM, and stay down until `start`. Stopping the embedded broker loses its messages: it is in memory."""
        await self._parts[part].stop()

    async def start(self, part: str) -> None:
        """Start what `stop` stopped; return when it is ready."""
        await self._parts[part].start()
        if part == MONGOD:
            await self._mongodb.bootstrap(self._ports)
        elif part == BROKER:
            await self._cluster.provision(self._ports, self._policy)

    async def wait_ready(self, part: str, seconds: float = 30) -> None:
        """Raises PartFailed if it isn't ready in that time."""
        await self._parts[part].wait_ready(seconds)

    async def wait_failed(self) -> PartFailed:
        """The first failure that nobody repairs: the broker's death. Waits for ever if there is none."""
        return await asyncio.shield(self._failure)

    async def open(self) -> None:
        """Start all parts, each as early as what it needs is there, and write stack.json."""
        self.layout.make()
        self.layout.stack_json.unlink(missing_ok=True)
        outside = OUTSIDE if self._outside else ()
        names = (MONGOD, *self._cluster.port_names, *OUTSIDE, MAILBOX, *self._services)
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
            kafka=self._kafka,
            kafka_idempotence=self._cluster.idempotent,
            mongodb_uri=self._mongodb.uri(self._ports),
            ports=self._ports,
            key_cache_seconds=self._key_cache_seconds,
            log_format=self._log_format,
            mailbox=self._mailbox_address,
        )
        await together(*(self._open_service(name, around) for name in self._services))
        self._opened = True
        self.info.write(self.layout.stack_json)

    async def close(self) -> None:
        """Stop all parts, last started first: services drain while what they need is still there."""
        self._opened = False
        self.layout.stack_json.unlink(missing_ok=True)
        for tier in (self._services, (*OUTSIDE, MAILBOX), self._cluster.names, (MONGOD,)):
            await asyncio.gather(*(self._parts[name].stop() for name in tier if name in self._parts))
        if not self._failure.done():
            self._failure.cancel()

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
        await self._open_part(replace(part, environment=await self._rewire(name, part.environment)))

    async def _open_part(self, part: Part) -> None:
        supervisor = Supervisor(
            part,
            working_dir=ROOT,
            log_dir=self.layout.log,
            on_change=self._rewrite_info,
            on_failure=self._take_failure,
            report=lambda line: self._report(part.name, line),
        )
        self._parts[part.name] = supervisor
        await supervisor.start()
        self._report(part.name, "ready")

    def _rewrite_info(self) -> None:
        if self._opened:
            self.info.write(self.layout.stack_json)

    def _take_failure(self, failure: PartFailed) -> None:
        if not self._failure.done():
            self._failure.set_result(failure)

    @property
    def _mailbox_address(self) -> str | None:
        return self._policy.controller.mailbox if MAILBOX in self._parts else None

    @property
    def _kafka(self) -> KafkaAddress:
        """The administrator's."""
        return self._cluster.address(self._ports)
