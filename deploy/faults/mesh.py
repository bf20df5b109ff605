"""A proxy for every pair of service and server of a stack, and the traps set in them.

    mesh = Mesh()
    async with local_stack(var, rewire=mesh.rewire) as stack:
        mesh.set(Point("delivery", "partner POST /waybills"), lambda: stack.kill("delivery"))
        ...
        await mesh.refuse("delivery", "kafka")     # the network refuses, until
        await mesh.restore("delivery", "kafka")

The services run with their production settings: where a server names its own address to its clients (a replica set, a
Kafka broker), the proxies put theirs in its place.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deploy.faults.kafka_wire import KafkaConversation
from deploy.faults.mongo_wire import MongoConversation, Transactions
from deploy.faults.outside_wire import HttpConversation, SmtpConversation
from deploy.faults.proxy import Cut, Moment, Proxy, Watcher
from deploy.faults.wire import Step

Taken = tuple[str, tuple[Step, ...]]
Action = Callable[[], Awaitable[Any]]
MESSAGES = ("mail", "sms", "partner")
SERVERS = ("mongodb", "kafka", *MESSAGES)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a fault strikes: the n-th time from now that the service takes this step."""

    service: str
    step: str
    n: int = 1
    moment: Moment = "after"

    def __str__(self) -> str:
        number = f" #{self.n}" if self.n > 1 else ""
        return f"{self.service}/{self.step}{number}/{self.moment}"


class Trap:
    """`sprung` is set when the action has been carried out."""

    def __init__(self, point: Point, action: Action, *, cut: bool) -> None:
        self.point = point
        self._cut = cut
        self.sprung = asyncio.Event()
        self._action = action
        self._left = point.n

    async def meet(self, service: str, steps: Sequence[Step], moment: Moment) -> None:
        if (service, moment) != (self.point.service, self.point.moment) or self.point.step not in map(str, steps):
            return
        self._left -= 1
        if self._left == 0:
            await self._action()
            self.sprung.set()
            if self._cut:
                raise Cut


class Mesh:
    """`servers`: those whose conversations pass a proxy. `taken`: the steps that were done since `listen`, in their
    order, together those of one request. `sent`: (server, key) of each message that a receiver outside accepted,
    repeats included. `environments`: of each service; what is changed in it holds from the service's next start."""

    def __init__(self, servers: Collection[str] = SERVERS) -> None:
        self._servers = servers
        self.environments: dict[str, dict[str, str]] = {}
        self.taken: list[Taken] = []
        self.sent: Counter[tuple[str, str]] = Counter()
        self._traps: list[Trap] = []
        self._proxies: dict[tuple[str, str], list[Proxy]] = {}

    async def rewire(self, service: str, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment with every server's address replaced by a proxy's."""
        rewired = dict(environment)
        for name, server, rewire in (
            ("MONGODB_URI", "mongodb", self._mongodb),
            ("KAFKA_BOOTSTRAP_SERVERS", "kafka", self._kafka),
            ("SMTP_PORT", "mail", self._mail),
            ("SMS_GATEWAY_URL", "sms", self._http("sms")),
            ("PARTNER_URL", "partner", self._http("partner")),
        ):
            if name in environment and server in self._servers:
                rewired[name] = await rewire(service, environment[name])
        self.environments[service] = rewired
        return rewired

    def listen(self) -> None:
        self.taken.clear()

    def set(self, point: Point, action: Action, *, cut: bool = True) -> Trap:
        """Carry out the action at that point, then break the connection there or go on as if nothing had been."""
        trap = Trap(point, action, cut=cut)
        self._traps.append(trap)
        return trap

    def clear(self) -> None:
        self._traps.clear()

    async def refuse(self, service: str, server: str) -> None:
        """The network between them refuses every connection."""
        for proxy in self._proxies[service, server]:
            await proxy.refuse()

    async def restore(self, service: str, server: str) -> None:
        for proxy in self._proxies[service, server]:
            await proxy.start()

    async def cut(self, service: str, server: str) -> None:
        """Break the connections between them once."""
        for proxy in self._proxies[service, server]:
            await proxy.cut()

    def delay(self, service: str, server: str, seconds: float) -> None:
        """Of each message, in each direction, between them."""
        for proxy in self._proxies[service, server]:
            proxy.delay_seconds = seconds

    async def close(self) -> None:
        for proxies in self._proxies.values():
            for proxy in proxies:
                await proxy.refuse()

    def _watcher(self, service: str) -> Watcher:
        async def watch(steps: Sequence[Step], moment: Moment) -> None:
            if moment == "after":
                self.taken.append((service, tuple(steps)))
                self.sent.update((step.server, step.key) for step in steps if step.server in MESSAGES)
            for trap in list(self._traps):
                await trap.meet(service, steps, moment)

        return watch

    async def _between(self, service: str, server: str, upstream: tuple[str, int], **how: Any) -> Proxy:
        proxy = Proxy(upstream, watch=self._watcher(service), **how)
        await proxy.start()
        self._proxies.setdefault((service, server), []).append(proxy)
        return proxy

    async def _mongodb(self, service: str, uri: str) -> str:
        host = urlsplit(uri).netloc.rpartition("@")[2]
        upstream, addresses, transactions = _address(host), dict[bytes, bytes](), Transactions()
        proxy = await self._between(
            service, "mongodb", upstream, conversation=lambda: MongoConversation(service, transactions, addresses)
        )
        ours = f"{upstream[0]}:{proxy.port}"
        if len(ours) == len(host):  # else the driver is told the real address, and goes there
            addresses[host.encode()] = ours.encode()
        return uri.replace(host, ours)

    async def _kafka(self, service: str, servers: str) -> str:
        addresses: dict[tuple[str, int], int] = {}
        for upstream in map(_address, servers.split(",")):
            proxy = await self._between(service, "kafka", upstream, conversation=lambda: KafkaConversation(addresses))
            addresses[upstream] = proxy.port
        return ",".join(f"{host}:{port}" for (host, _), port in addresses.items())

    async def _mail(self, service: str, port: str) -> str:
        upstream = ("127.0.0.1", int(port))
        return str((await self._between(service, "mail", upstream, conversation=SmtpConversation)).port)

    def _http(self, server: str) -> Callable[[str, str], Awaitable[str]]:
        async def rewire(service: str, url: str) -> str:
            upstream = _address(urlsplit(url).netloc)
            proxy = await self._between(service, server, upstream, conversation=lambda: HttpConversation(server))
            return f"http://127.0.0.1:{proxy.port}"

        return rewire


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name, int(port)
