"""What is documented, drawn and alerted on is what running services expose, as a Prometheus that scrapes them sees it.

A stack of its own: messages are put aside here, which other stories say does not happen."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.stack import LocalStack, local_stack
from deploy.monitoring.dashboards import dashboards, queries
from deploy.monitoring.declared import declared
from deploy.monitoring.metrics_page import exposed_by
from tests.e2e.a_prometheus import Prometheus, needs_prometheus, prometheus_of
from tests.e2e.world import World, somebody, world_of
from tests.integration.a_mailbox import HAS_DOVECOT
from tests.integration.services.clients import until

T = TypeVar("T")
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PERSON: Final = somebody("monitored", 990)
QUERIES: Final = [(name, query) for name in dashboards() for query in queries(name, "1m")]
OF_THE_MAILBOX: Final = "sealed_applications_waiting"
# An id, an address, a phone: no label may be one.
PERSONAL: Final = re.compile(r"[0-9a-f]{16}|@|\d{5}")
MOST_SERIES: Final = 1_000


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("monitored")) as stack:
        yield stack


@pytest.fixture(scope="module")
async def prometheus(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    async with prometheus_of(stack, tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


@pytest.fixture(scope="module", autouse=True)
async def everything_happened(stack: LocalStack) -> None:
    """An order delivered, its person forgotten, and a message in two topics that nobody can read."""
    async with world_of(stack) as world:
        order = await world.parcel_of(await world.place(PERSON))
        await world.operate(order, "hand-over")
        await world.operate(order, "deliver")
        await world.messages_of(order, lambda found: found and all(m["state"] == "sent" for m in found))
        await world.case(await world.withdraw(phone=PERSON.phone))
        await _publish_unreadable(world, "orders", "shipments")


async def _publish_unreadable(world: World, *topics: str) -> None:
    producer = AIOKafkaProducer(**world.stack.info.kafka.address.client_options(), enable_idempotence=False)
    await producer.start()
    try:
        for topic in topics:
            await producer.send_and_wait(topic, b"no event", key=b"nobody")
    finally:
        await producer.stop()


async def exposed(stack: LocalStack, service: str) -> list[Metric]:
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{stack.info.services[service].url}/metrics")).text
    return [one for one in text_string_to_metric_families(text) if one.name.startswith("sealed_")]


def with_samples(families: Iterable[Metric]) -> set[str]:
    return {sample.name for one in families for sample in one.samples}


async def in_time(ask: Callable[[], Awaitable[T]], holds: Callable[[T], Any]) -> T:
    """What is asked for, once it holds; if it never does, what it is then."""
    try:
        return await until(ask, holds)
    except TimeoutError:
        return await ask()


@pytest.mark.parametrize("service", ["intake", "delivery", "notifications", "privacy"])
async def test_a_service_exposes_what_the_list_says(stack: LocalStack, service: str) -> None:
    """Lag is measured every ten seconds, the rest when it happens."""
    wanted = {
        one.name for one in declared() if service in exposed_by(one) and (HAS_DOVECOT or one.name != OF_THE_MAILBOX)
    }

    async def ask() -> set[str]:
        found = with_samples(await exposed(stack, service))
        return {one.name for one in declared() if found & set(one.samples)}

    assert await in_time(ask, lambda found: wanted <= found) == wanted


@pytest.mark.parametrize("service", ["intake", "delivery", "notifications", "privacy"])
async def test_no_label_is_of_a_person_and_there_are_few(stack: LocalStack, service: str) -> None:
    families = await exposed(stack, service)
    labels = [
        value for one in families for sample in one.samples for name, value in sample.labels.items() if name != "le"
    ]
    assert [value for value in labels if PERSONAL.search(value)] == []
    series = Counter(sample.name for one in families for sample in one.samples)
    assert series.total() < MOST_SERIES


@needs_prometheus
async def test_every_query_of_a_dashboard_has_an_answer(prometheus: Prometheus) -> None:
    wanted = [query for _, query in QUERIES if HAS_DOVECOT or OF_THE_MAILBOX not in query]

    async def ask() -> list[str]:
        answers = await asyncio.gather(*map(prometheus.query, wanted))
        return [query for query, answer in zip(wanted, answers, strict=True) if not answer]

    assert await in_time(ask, lambda without_answer: not without_answer) == []


@needs_prometheus
async def test_only_what_happened_is_alerted_on(prometheus: Prometheus) -> None:
    """Also those without an open case, whose deadline is no number."""

    happened = {"SealedMessagesPutAside": "firing"}

    async def ask() -> dict[str, str]:
        return {name: rule["state"] for name, rule in (await prometheus.rules()).items() if rule["state"] != "inactive"}

    assert await in_time(ask, lambda states: states == happened) == happened
    assert {rule["health"] for rule in (await prometheus.rules()).values()} == {"ok"}
