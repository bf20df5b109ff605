"""Services that run with a collector send it the whole way of an order and of a withdrawal, and nothing of the person.

The collector is a stand-in on loopback. The person is the one with values nobody else has, the shop one that sends a
trace of its own; every byte that the services sent is searched.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from deploy.demo.scan import Needles
from deploy.local.stack import local_stack
from shared.contracts.personal import PersonalData
from shared.observability import tracing
from shared.observability.trace_export import ALLOWED, SCOPES, AllowedOnly
from tests.builders import order_form
from tests.collector import Collector, Sent, collector
from tests.e2e.correcting import BROWSER, SIX_DIGITS, Browser, correct
from tests.e2e.rare_person import NEEDLES, NEW_PHONE, PERSON, VALUES, send_garbage
from tests.e2e.world import Order, World, somebody, world_of
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, pytest.mark.canary, pytest.mark.slow]

STRANGER = f"00-{'5a' * 16}-{'6b' * 8}-01"
AGENT = "Qarlyghash-Browser/7.7"
QUIET_SECONDS = 3.0  # the services send several times a second
SERVICES = {"intake", "delivery", "notifications", "privacy"}


@dataclass(frozen=True, slots=True)
class Story:
    """`secrets`: what else must not be among what was sent."""

    order: Order
    case_id: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def sent() -> Iterator[Collector]:
    with collector() as kept:
        yield kept


@pytest.fixture(scope="module")
async def traced_world(sent: Collector, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async def to_collector(_: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        return {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": sent.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}

    async with local_stack(tmp_path_factory.mktemp("traces"), rewire=to_collector) as stack, world_of(stack) as world:
        yield world


@pytest.fixture(scope="module")
async def story(traced_world: World) -> Story:
    """The person orders, corrects the phone, gets the parcel and withdraws on the pages; all the way to the end."""
    world = traced_world
    order = await world.parcel_of(await _ordered(world))
    await world.operate(order, "hand-over")
    now = await correct(world, PERSON, "phone", NEW_PHONE)
    await world.operate(order, "deliver")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    await send_garbage(world)
    url = world.stack.info.services["intake"].url
    async with httpx.AsyncClient(base_url=url, headers={**BROWSER, "user-agent": AGENT}, timeout=60) as http:
        browser = Browser(http)
        await browser.post("/my-data/sign-in", contact=str(now.email))
        code = await _mailed_code(world, now)
        assert (await browser.post("/my-data/code", code=code)).status_code == 303
        answer = await browser.post("/my-data/withdraw", agreed="yes")
        link = answer.headers["location"]
        assert (await http.get(link)).status_code == 200
    case = await _closed(world, order)
    secrets = {
        "subject": order.subject_id,
        "order": order.order_id,
        "shipment": order.shipment_id,
        "link": link.rpartition("/")[2],
        "code": code,
        "agent": AGENT,
        "stranger": STRANGER[3:35],
        "shop's token": world.stack.info.tokens.shop,
    }
    return Story(order, case, secrets)


async def _ordered(world: World) -> Order:
    """By a shop whose requests belong to a trace of its own."""
    info = world.stack.info
    headers = {
        "authorization": f"Bearer {info.tokens.shop}",
        "traceparent": STRANGER,
        "tracestate": f"shop={NEW_PHONE[1:]}",
        "baggage": f"phone={NEW_PHONE[1:]}",
    }
    async with httpx.AsyncClient(base_url=info.services["intake"].url, headers=headers, timeout=30) as http:
        answer = await http.post("/v1/orders", json=order_form(PERSON, promotions=True))
    assert answer.status_code == 201
    return Order(answer.json()["order_id"], answer.json()["subject_id"])


async def _mailed_code(world: World, person: PersonalData) -> str:
    async def ask() -> list[str]:
        mails = [m.get_content() for m in world.mails_to(person) if str(m["Message-ID"]).startswith("<code-")]
        return [found[1] for text in mails if (found := SIX_DIGITS.search(text))]

    return (await until(ask, len))[-1]


async def _closed(world: World, order: Order) -> str:
    async def ask() -> list[dict[str, Any]]:
        return (
            await world.admin["privacy"]["cases"].find({"subject_id": order.subject_id, "state": "closed"}).to_list(9)
        )

    (case,) = await until(ask, len)
    return str(case["_id"])


@pytest.fixture(scope="module")
async def together(traced_world: World, story: Story) -> int:
    """How many orders of others were placed at one moment: in one transaction, or a few."""
    people = [somebody(f"together-{number}", 310 + number) for number in range(8)]
    orders = await asyncio.gather(*(traced_world.place(person) for person in people))
    for order in orders:
        await traced_world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"])
    return len(orders)


@pytest.fixture(scope="module")
async def spans(sent: Collector, story: Story, together: int) -> list[Sent]:
    """All of them: everything has ended, and for a while nothing more has come."""

    async def quiet() -> bool:
        before = len(sent.bodies)
        await asyncio.sleep(QUIET_SECONDS)
        return len(sent.bodies) == before

    await until(quiet, bool)
    return sent.spans()


def of(spans: list[Sent], name: str, service: str, **attributes: str) -> Sent:
    """The only one."""
    found = [
        span
        for span in spans
        if (span.name, span.service) == (name, service) and attributes.items() <= span.attributes.items()
    ]
    assert len(found) == 1, (name, service, len(found))
    return found[0]


@pytest.fixture(scope="module")
def order_trace(spans: list[Sent]) -> list[Sent]:
    """The person's, who was the first to order."""
    root = next(span for span in spans if span.name == "POST /v1/orders")
    return [span for span in spans if span.trace == root.trace]


@pytest.fixture(scope="module")
def withdrawal_trace(spans: list[Sent]) -> list[Sent]:
    root = of(spans, "POST /my-data/withdraw", "intake")
    return [span for span in spans if span.trace == root.trace]


def test_an_order_is_one_trace_from_the_request_to_the_messages(order_trace: list[Sent]) -> None:
    root = of(order_trace, "POST /v1/orders", "intake")
    assert root.parent == ""
    assert {span.service for span in order_trace} == SERVICES
    assert of(order_trace, "publish orders", "intake").parent == root.id
    taken = {name: of(order_trace, "process OrderPlaced", name) for name in ("delivery", "notifications", "privacy")}
    assert {span.parent for span in taken.values()} == {root.id}
    assert of(order_trace, "send order_confirmation", "notifications").parent == taken["notifications"].id


def test_orders_that_are_placed_together_are_traces_of_their_own(spans: list[Sent], together: int) -> None:
    placed = Counter(span.trace for span in spans if span.name == "process OrderPlaced")
    assert set(placed.values()) == {3}
    assert len(placed) == together + 1


def test_the_parcel_goes_on_in_the_trace_of_its_order(order_trace: list[Sent]) -> None:
    handed = of(order_trace, "hand over", "delivery")
    assert handed.parent == of(order_trace, "process OrderPlaced", "delivery").id
    told = of(order_trace, "disclose fields", "delivery", **{"sealed.recipient": "courier_partner"})
    assert told.parent == handed.id
    heard = of(order_trace, "process ShipmentHandedOver", "notifications")
    assert heard.parent == handed.id
    messages = [span for span in order_trace if span.name == "send shipment_handed_over"]
    assert {span.attributes["sealed.channel"] for span in messages} == {"email", "sms"}
    assert {span.parent for span in messages} == {heard.id}


def test_the_operators_request_is_another_trace_that_the_order_links_to(
    order_trace: list[Sent], spans: list[Sent]
) -> None:
    request = of(spans, "POST /v1/shipments/{shipment_id}/hand-over", "delivery", **{"http.response.status_code": 200})  # type: ignore[arg-type]
    handed = of(order_trace, "hand over", "delivery")
    assert request.trace != handed.trace
    assert handed.links == ((request.trace, request.id),)


def test_a_withdrawal_is_one_trace_to_the_certificate(withdrawal_trace: list[Sent], story: Story) -> None:
    root = of(withdrawal_trace, "POST /my-data/withdraw", "intake")
    assert root.parent == ""
    asked = of(withdrawal_trace, "process ConsentWithdrawn", "privacy")
    assert asked.parent == root.id
    for store in SERVICES:
        assert of(withdrawal_trace, "process RestrictSubject", store).parent == asked.id
        assert len([s for s in withdrawal_trace if (s.name, s.service) == ("process EraseSubject", store)]) >= 2
    states = [span for span in withdrawal_trace if span.name.startswith("case ")]
    assert {"case restricting", "case erasing", "case verifying", "case closed"} <= {span.name for span in states}
    assert {span.attributes["sealed.case_id"] for span in states} == {story.case_id}
    assert of(withdrawal_trace, "tell recipient", "delivery").attributes["sealed.outcome"] == "forgotten"


def test_every_parent_was_sent_too(order_trace: list[Sent], withdrawal_trace: list[Sent]) -> None:
    for trace in (order_trace, withdrawal_trace):
        known = {span.id for span in trace}
        assert [span.name for span in trace if span.parent and span.parent not in known] == []
        assert len([span for span in trace if not span.parent]) == 1


async def test_an_erased_person_s_messages_have_lost_their_place_in_it(traced_world: World, story: Story) -> None:
    messages = traced_world.admin["notifications"]["messages"]
    theirs = await messages.find({"order_id": story.order.order_id}).to_list(99)
    assert len(theirs) == 5
    assert not [message for message in theirs if "traceparent" in message]
    assert not await traced_world.admin["delivery"]["shipments"].count_documents({"_id": story.order.shipment_id})


async def test_those_of_a_person_who_is_still_a_customer_have_theirs(traced_world: World, together: int) -> None:
    kept = {"subject_id": {"$exists": True}, "traceparent": {"$exists": True}}
    assert await traced_world.admin["notifications"]["messages"].count_documents(kept) == together


def test_no_traceparent_of_a_stranger_is_taken(spans: list[Sent], story: Story) -> None:
    assert STRANGER[3:35] not in {span.trace for span in spans}
    assert STRANGER[36:52] not in {span.parent for span in spans}


def test_nothing_but_what_is_allowed_was_sent(spans: list[Sent]) -> None:
    assert {span.scope for span in spans} <= SCOPES
    assert {name for span in spans for name in span.attributes} <= set(ALLOWED)
    assert "unnamed" not in {span.name for span in spans}
    assert all(span.seconds >= 0 for span in spans)


def found(sent: Collector, needles: Needles) -> set[str]:
    return {finding.value for body in list(sent.bodies) for finding in needles.found_in(body, "sent")}


def test_nothing_of_the_person_is_in_any_byte_that_was_sent(sent: Collector, spans: list[Sent], story: Story) -> None:
    assert len(spans) > 100
    assert found(sent, NEEDLES) == set()
    assert found(sent, Needles(story.secrets)) == set()
    assert not [body for body in sent.bodies if bytes.fromhex(STRANGER[3:35]) in body]


@pytest.mark.parametrize("value", [str(PERSON.family_name), str(PERSON.phone), str(PERSON.email)])
def test_the_same_search_finds_a_value_that_is_let_out(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AllowedOnly, "export", lambda self, spans: self._exporter.export(spans))
    with collector() as leaky, tracing.exporting("intake", tracing.Collector(leaky.url)):
        tracing.note("send letter", of=STRANGER, attributes={"sealed.outcome": value})
    assert found(leaky, NEEDLES)
    assert value in VALUES


def test_nothing_personal_leaves_where_the_same_goes_by_the_list() -> None:
    with collector() as strict, tracing.exporting("intake", tracing.Collector(strict.url)):
        tracing.note(f"send {PERSON.family_name}", of=STRANGER, attributes={"sealed.outcome": str(PERSON.phone)})
    assert [span.name for span in strict.spans()] == ["unnamed"]
    assert strict.paths == {"/v1/traces"}
    assert found(strict, NEEDLES) == set()
