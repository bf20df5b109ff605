"""The long run: steady load at a share of what was measured, a fault at each interval, and the accounts at the end."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.demo.patient import PatientApi
from deploy.local.kafka import names_of
from deploy.local.stack import LocalStack, local_stack
from deploy.soak.faults import Fault, schedule
from deploy.soak.lag import Lag, measuring_lag
from deploy.soak.load import Load
from deploy.soak.memory import Growth, Memory
from deploy.soak.reconcile import Account, reconcile
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.stores.mongo import Client, connect

SHARE_OF_CAPACITY = 0.7
FLAT = 1.25
REST_SECONDS = 300.0
POLL_SECONDS = 0.5
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds. `measuring`: how long the capacity is measured; then `seconds` of load at that `share` of it, with a
    fault `every` so often."""

    seconds: float
    every: float
    measuring: float
    brokers: int
    seed: int
    share: float = SHARE_OF_CAPACITY


@dataclass(frozen=True, slots=True)
class Struck:
    """`caught_up`: seconds from the fault until the consumers were behind by no more than a second's load again; None
    where the next fault came first."""

    fault: str
    worst_lag: int
    caught_up: float | None


@dataclass(frozen=True, slots=True)
class Soaked:
    plan: Plan
    capacity: float
    rate: float
    struck: Sequence[Struck]
    memory: Mapping[str, Growth]
    account: Account
    last_lag: int

    @property
    def wrong(self) -> list[str]:
        """Memory is judged where a process lived long enough to tell."""
        grown = [
            f"{name} grew to {growth.ratio:.2f} of its memory"
            for name, growth in self.memory.items()
            if growth.ratio > FLAT and growth.seconds >= 300
        ]
        behind = [f"after '{s.fault}' the lag did not come down" for s in self.struck if s.caught_up is None]
        return [*self.account.wrong, *grown, *behind, *([f"a lag of {self.last_lag}"] if self.last_lag else [])]


async def soak(var: Path, plan: Plan, told: Told) -> Soaked:
    """On an Apache Kafka of its own in the empty folder `var`."""
    policy = load_policy()
    async with local_stack(var, kafka_brokers=plan.brokers) as stack, contextlib.AsyncExitStack() as opened:
        admin = connect(stack.info.mongodb.uri, service="soak")
        opened.callback(admin.close)
        shop = PatientApi(stack.info.services["intake"].url, stack.info.tokens.shop)
        opened.push_async_callback(shop.close)
        lag = await opened.enter_async_context(measuring_lag(stack.info.kafka.address, policy))
        load = Load(shop, policy.version_at(datetime.now(UTC).date()).version)
        capacity = await _capacity(load, lag, admin, policy, plan.measuring)
        rate = capacity * plan.share
        told(f"capacity {capacity:.0f} orders/s from order to mail sent; load {rate:.0f} orders/s")
        memory = Memory(stack)
        watching = asyncio.create_task(memory.watch())
        faults = list(schedule(int(plan.seconds // plan.every), names_of(plan.brokers), plan.seed))
        async with asyncio.TaskGroup() as group:
            group.create_task(load.steady(rate, plan.seconds))
            striking = group.create_task(_strike_all(stack, faults, lag, rate, plan.every, told))
        watching.cancel()
        last_lag = await come_to_rest(lag, admin, policy)
        account = await reconcile(stack, admin, policy, load)
        return Soaked(plan, capacity, rate, striking.result(), memory.growth(), account, last_lag)


async def _capacity(load: Load, lag: Lag, admin: Client, policy: Policy, seconds: float) -> float:
    """Orders a second, from the first accepted to the last confirmed."""
    started = time.monotonic()
    await load.burst(seconds)
    await come_to_rest(lag, admin, policy)
    return len(load.accepted) / (time.monotonic() - started)


async def _strike_all(
    stack: LocalStack, faults: Sequence[Fault], lag: Lag, rate: float, every: float, told: Told
) -> list[Struck]:
    struck = []
    for fault in faults:
        next_at = time.monotonic() + every
        seen = await _strike(stack, fault, lag, max(20, int(rate * len(stack.info.services))), every)
        struck.append(seen)
        told(f"{fault.name}: lag {seen.worst_lag}, caught up in {seen.caught_up or float('nan'):.0f} s")
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
    return struck


async def _strike(stack: LocalStack, fault: Fault, lag: Lag, small: int, seconds: float) -> Struck:
    started, worst = time.monotonic(), 0
    striking = asyncio.create_task(fault.strike(stack))
    try:
        while (elapsed := time.monotonic() - started) < seconds:
            await asyncio.sleep(POLL_SECONDS)
            behind = await lag.now()
            worst = max(worst, behind or 0)
            if striking.done() and behind is not None and behind <= small and elapsed > POLL_SECONDS * 6:
                return Struck(fault.name, worst, elapsed)
        return Struck(fault.name, worst, None)
    finally:
        await striking


async def come_to_rest(lag: Lag, admin: Client, policy: Policy) -> int:
    """Wait until nothing is behind, unpublished, unsent or open. Returns the lag left, 0 unless it took too long."""
    give_up_at = time.monotonic() + REST_SECONDS
    while time.monotonic() < give_up_at:
        if await lag.now() == 0 and not await _under_way(admin, policy):
            return 0
        await asyncio.sleep(POLL_SECONDS)
    return await lag.now() or -1


async def _under_way(admin: Client, policy: Policy) -> int:
    outboxes = [await admin[store]["outbox"].count_documents({}) for store in policy.erasing_stores]
    messages = await admin["notifications"]["messages"].count_documents({"state": "due"})
    return sum(outboxes) + messages + await admin["privacy"]["cases"].count_documents({"state": {"$ne": "closed"}})
