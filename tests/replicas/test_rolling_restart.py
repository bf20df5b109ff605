"""Three replicas of each service are restarted one by one under load, as a release rolls out: no request of a client
that goes by readiness fails, nothing is lost, nobody is written to twice, each thing due is done by one replica. And
one of three is killed: what it was doing, the others do."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.faults.mesh import MESSAGES, Mesh
from deploy.local.layout import SERVICES
from deploy.local.officers import development_accounts
from deploy.local.outside import jsonl
from deploy.local.replicas import names_of
from deploy.local.stack import LocalStack, local_stack
from services.privacy.console.account_store import AccountStore
from services.privacy.console.accounts import Accounts
from services.privacy.console.one_time_code import OneTimeSecrets
from services.privacy.console.passwords import Passwords
from shared.contracts.personal import PersonalData
from tests.e2e.correcting import BROWSER, Browser, code_of
from tests.e2e.same_end import (
    CONFIRMED,
    DONE,
    all_written_to,
    keep_ordering,
    nothing_went_wrong,
    stores_agree,
    told,
    withdraw,
)
from tests.e2e.world import Order, World, somebody, world_of
from tests.replicas.by_readiness import Balancer, by_readiness

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

REPLICAS = 3
DRAIN_SECONDS = 3.0
PAUSE_SECONDS = 0.2
LEAVE_IN_A_ROUND = 2
KILLED = 24

Customer = tuple[PersonalData, Order]


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """It counts what the receivers outside accepted, before they leave out repeats."""
    return Mesh(MESSAGES)


@pytest.fixture(scope="module")
async def stack(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    var = tmp_path_factory.mktemp("replicas")
    async with local_stack(var, replicas=REPLICAS, drain_seconds=DRAIN_SECONDS, rewire=mesh.rewire) as stack:
        yield stack
    await mesh.close()


@pytest.fixture(scope="module")
async def balancers(stack: LocalStack) -> AsyncIterator[Mapping[str, Balancer]]:
    async with by_readiness(stack) as balancers:
        yield balancers


@pytest.fixture(scope="module")
async def world(stack: LocalStack, balancers: Mapping[str, Balancer]) -> AsyncIterator[World]:
    async with world_of(stack, balancers) as world:
        yield world


async def test_a_clients_session_holds_on_every_replica(world: World, balancers: Mapping[str, Balancer]) -> None:
    person, intake = somebody("at-every-door", 990, language="en"), balancers["intake"]
    await world.place(person)
    async with a_browser(intake) as browser:
        assert await statuses(browser, intake, "/my-data") == {303}
        await browser.post("/my-data/sign-in", contact=person.phone)
        assert (await browser.post("/my-data/code", code=await code_of(world, person))).status_code == 303
        assert await statuses(browser, intake, "/my-data") == {200}
        await browser.post("/my-data/sign-out")
        assert await statuses(browser, intake, "/my-data") == {303}


async def test_an_officers_session_holds_on_every_replica(world: World, balancers: Mapping[str, Balancer]) -> None:
    layout, privacy = world.stack.layout, balancers["privacy"]
    officer, _ = await development_accounts(layout, world.stack.info.mongodb.uri)
    secrets = OneTimeSecrets.from_folder(layout.keys / "privacy")
    accounts = Accounts(AccountStore(world.admin["privacy"]), Passwords(), secrets)
    async with a_browser(privacy) as browser:
        assert await statuses(browser, privacy, "/console") == {303}
        await browser.post("/console/sign-in", name=officer.name, password=officer.password)
        code = await accounts.present_code(officer.name, datetime.now(UTC))
        assert (await browser.post("/console/sign-in/code", code=code)).headers["location"] == "/console"
        assert await statuses(browser, privacy, "/console") == {200}
        await browser.post("/console/sign-in/out")
        assert await statuses(browser, privacy, "/console") == {303}


async def test_all_are_restarted_and_nobody_notices(
    world: World, balancers: Mapping[str, Balancer], mesh: Mesh, tmp_path: Path
) -> None:
    leaving = await customers(world, "leaving", 900, REPLICAS * LEAVE_IN_A_ROUND)
    pids = pids_of(world)

    rolling = asyncio.create_task(roll(world, leaving))
    staying = await order_while(world, rolling)
    cases = await rolling

    assert pids.isdisjoint(pids_of(world))
    assert {service: balancer.faults for service, balancer in balancers.items() if balancer.faults} == {}
    assert [service for service, balancer in balancers.items() if len(balancer.answered) < REPLICAS] == []
    await all_written_to(world, [order for _, order in staying])
    await stores_agree(world, [order for _, order in staying])
    assert Counter(world.subjects_to(person).count(CONFIRMED) for person, _ in staying) == {1: len(staying)}
    for (person, _), case in zip(leaving, cases, strict=True):
        assert world.subjects_to(person)[-1] == DONE
        assert world.wrong_with(await world.certificate(case["case_id"]), tmp_path / "stranger") == []
        assert await world.personal_paths_of(case["subject_id"]) == []
    assert {key: count for key, count in mesh.sent.items() if count > 1 and key[1]} == {}
    each_letter_was_sent_by_one_replica(world)
    each_recipient_was_told_by_one_replica(world)
    await nothing_went_wrong(world)


async def test_one_of_three_is_killed_and_the_others_do_its_work(world: World) -> None:
    (leaving, leaving_order), (waiting, waiting_order), *_ = await customers(world, "killed", 950, 2)
    people = [somebody(f"stays-{number}", 960 + number, language="en") for number in range(KILLED)]
    await asyncio.gather(told(world, leaving_order), told(world, waiting_order))
    waiting_order = await world.parcel_of(waiting_order)

    ordering = asyncio.create_task(keep_ordering(world, people))
    cases = asyncio.gather(
        withdraw(world, leaving, leaving_order, deferred=False),
        withdraw(world, waiting, waiting_order, deferred=True),
    )
    for service in SERVICES:
        await world.stack.kill(names_of(service, REPLICAS)[1])
    orders = await ordering
    assert [case["state"] for case in await cases] == ["closed", "closed"]

    await all_written_to(world, orders)
    await stores_agree(world, orders)
    assert Counter(world.subjects_to(person).count(CONFIRMED) for person in people) == {1: KILLED}
    await asyncio.gather(*(world.stack.wait_ready(names_of(service, REPLICAS)[1], 60) for service in SERVICES))
    await nothing_went_wrong(world)


@asynccontextmanager
async def a_browser(balancer: Balancer) -> AsyncIterator[Browser]:
    """Each of its requests goes to the next replica."""
    async with httpx.AsyncClient(transport=balancer, base_url="http://127.0.0.1", headers=BROWSER, timeout=30) as http:
        yield Browser(http)


async def statuses(browser: Browser, balancer: Balancer, path: str) -> set[int]:
    """Of the page, from every replica."""
    before = balancer.answered.copy()
    found = {(await browser.get(path)).status_code for _ in range(REPLICAS)}
    assert len(balancer.answered - before) == REPLICAS
    return found


async def customers(world: World, name: str, first: int, count: int) -> list[Customer]:
    """People with an order each; every third one's has come to the door."""
    people = [somebody(f"{name}-{number}", first + number, language="en") for number in range(count)]
    return list(zip(people, await keep_ordering(world, people), strict=True))


async def roll(world: World, leaving: Sequence[Customer]) -> list[dict[str, Any]]:
    """One replica of each service after the other; in each round people withdraw. Returns their cases, closed."""
    cases: list[asyncio.Task[dict[str, Any]]] = []
    for number in range(REPLICAS):
        for person, order in leaving[LEAVE_IN_A_ROUND * number :][:LEAVE_IN_A_ROUND]:
            cases.append(asyncio.create_task(leave(world, person, order)))
        await asyncio.gather(*(restart(world.stack, names_of(service, REPLICAS)[number]) for service in SERVICES))
    return await asyncio.gather(*cases)


async def leave(world: World, person: PersonalData, order: Order) -> dict[str, Any]:
    await told(world, order)
    if order.shipment_id:
        return await withdraw(world, person, order, deferred=False)
    return await withdraw(world, person, await world.parcel_of(order), deferred=True)


async def restart(stack: LocalStack, name: str) -> None:
    """As an orchestrator does. The next one's turn comes when this one is ready again."""
    assert await stack.stop(name) == 0, f"{name} did not drain in its time"
    await stack.start(name)


async def order_while(world: World, rolling: "asyncio.Task[Any]") -> list[Customer]:
    found: list[Customer] = []
    while not rolling.done():
        found += await customers(world, f"rolled-{len(found)}", len(found), 3)
        await asyncio.sleep(PAUSE_SECONDS)
    return found


def pids_of(world: World) -> set[int]:
    return {replica.pid for replicas in world.stack.info.replicas.values() for replica in replicas}


def each_letter_was_sent_by_one_replica(world: World) -> None:
    """All of them look for letters that are due, all the time."""
    senders = defaultdict[tuple[str, str], list[str]](list)
    for replica, line in world.logged("privacy"):
        if line["event"] == "letter_settled":
            senders[line["case_id"], line["kind"]].append(replica)
    assert {letter: by for letter, by in senders.items() if len(by) > 1} == {}
    assert len({by for (by,) in senders.values()}) > 1, "one replica sent all: nothing is shown"


def each_recipient_was_told_by_one_replica(world: World) -> None:
    notices = sum(line["total"] for _, line in world.logged("delivery") if line["event"] == "recipient_answered")
    forgotten = [line for line in jsonl.read(world.stack.layout.partner_log) if "forgotten" in line]
    assert notices == len(forgotten) > 0
