"""Measure on a stack of its own, on Apache Kafka: place, settle and withdraw, and see what grows by how much."""

import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from deploy.demo.patient import PatientApi
from deploy.demo.people import order_of, somebody_new
from deploy.local.layout import SERVICES
from deploy.local.mongodb_server import MONGOD
from deploy.local.stack import LocalStack
from deploy.provision.rotate_keys import rotate
from deploy.sizing.measured import Measured, Rates, Sample, Store
from deploy.soak.lag import Lag
from deploy.soak.memory import cpu_seconds, resident
from deploy.soak.soak import come_to_rest
from services.delivery.shipment_store import shipment_id_of
from shared.messaging.cloudevents import new_id
from shared.policy.model import Policy
from shared.sealing.kek_files import KekFolders
from shared.stores.mongo import Client

AT_ONCE = 16
IDLE_SECONDS = 20.0
WARM_UP = 500  # orders: a JVM that is just started spends more on compiling itself than on what is asked of it
PARTS = (*SERVICES, MONGOD, "kafka-1")
CACHE_SECONDS = 1.0
Told = Callable[[str], None]
T = TypeVar("T")


@dataclass(slots=True)
class Sizing:
    stack: LocalStack
    admin: Client
    lag: Lag
    policy: Policy
    told: Told
    idle: dict[str, float] = field(default_factory=dict)

    async def run(self, steps: Sequence[int], further: int, leaving: int) -> Measured:
        """`steps`: orders in all, ascending. Then `further` of people who are known, then `leaving` people withdraw."""
        await self._rest()
        idle = self._memory()
        await self._orders(0, range(steps[-1], steps[-1] + WARM_UP))
        await self._watch_idle()
        first = [await self._sample(0)]
        started = await self._newest_in_oplog()
        orders, accepted, settled = await self._orders(0, range(steps[0]))
        oplog = await self._oplog_since(started) / steps[0]
        first.append(await self._sample(steps[0]))
        for before, after in pairwise(steps):
            more, accepted, settled = await self._orders(0, range(before, after))
            orders += more
            first.append(await self._sample(after))
        again = [await self._sample(0)]
        await self._orders(1, range(further))
        again.append(await self._sample(further))
        # Those who did not order again: everything of theirs is settled.
        gone = [await self._sample(0)]
        erased = await self._leave(orders[further : further + leaving])
        gone.append(await self._sample(leaving))
        busy = self._memory()
        rates = Rates(accepted=accepted, settled=settled, erased=erased, rewrapped=await self._rotate())
        return Measured(
            taken_on=f"{datetime.now(UTC):%Y-%m-%d}",
            cores=os.cpu_count() or 1,
            machine=platform.machine(),
            load=round(os.getloadavg()[2], 1),
            first=first,
            again=again,
            leaving=gone,
            oplog=oplog,
            memory={name: (idle[name], busy[name]) for name in SERVICES},
            idle=self.idle,
            rates=rates,
        )

    async def _orders(self, time_of_theirs: int, numbers: range) -> tuple[list[str], float, float]:
        """Order ids, then orders a second: accepted by intake, and with everything that follows."""
        info = self.stack.info
        shop = PatientApi(info.services["intake"].url, info.tokens.shop)
        delivery = PatientApi(info.services["delivery"].url, info.tokens.operator)
        version = self.policy.version_at(datetime.now(UTC).date()).version

        async def place(number: int) -> str:
            order = order_of(somebody_new("sizing", number), version)
            answer = await shop.post("/v1/orders", order, key=f"sizing-{time_of_theirs}-{number}")
            return str(answer["order_id"])

        async def carry(order_id: str) -> None:
            for act in ("hand-over", "deliver"):
                await delivery.post(f"/v1/shipments/{shipment_id_of(order_id)}/{act}")

        started = time.monotonic()
        orders = await _all(place, numbers)
        accepted = len(orders) / (time.monotonic() - started)
        await self._rest()
        await _all(carry, orders)
        await self._rest()
        settled = len(orders) / (time.monotonic() - started)
        self.told(f"{len(orders)} orders: {accepted:.0f}/s accepted, {settled:.0f}/s settled")
        await asyncio.gather(shop.close(), delivery.close())
        return orders, accepted, settled

    async def _leave(self, orders: Sequence[str]) -> float:
        """People a second, from the first request to the last certificate."""
        shop = PatientApi(self.stack.info.services["intake"].url, self.stack.info.tokens.shop)

        async def leave(order_id: str) -> None:
            await shop.post(f"/v1/orders/{order_id}/withdraw-consent", {"scope": "all"}, key=new_id())

        started = time.monotonic()
        await _all(leave, orders)
        await self._rest()
        await shop.close()
        rate = len(orders) / (time.monotonic() - started)
        self.told(f"{len(orders)} people left: {rate:.0f}/s")
        return rate

    async def _rotate(self) -> float:
        """Keys of one reader a second."""
        waited = 0.0

        async def sleep(seconds: float) -> None:
            nonlocal waited
            waited += seconds
            await asyncio.sleep(seconds)

        started = time.monotonic()
        keeper = KekFolders(self.stack.layout.keys)
        done = await rotate(self.admin, keeper, "delivery", cache_seconds=CACHE_SECONDS, sleep=sleep)
        return done.rewrapped / (time.monotonic() - started - waited)

    async def _rest(self) -> None:
        """Raises RuntimeError where it does not come to rest: what is on its way would be missing."""
        if left := await come_to_rest(self.lag, self.admin, self.policy):
            raise RuntimeError(f"A lag of {left} did not come down. Run it again on a quieter machine.")

    async def _sample(self, count: int) -> Sample:
        await self.admin.admin.command("fsync")
        stores = {name: await self._store(name) for name in self.policy.stores}
        topics = _logs(self.stack.layout.var / "data", self.policy.topics)
        return Sample(count=count, stores=stores, topics=topics, cpu=self._cpu())

    async def _watch_idle(self) -> None:
        before = self._cpu()
        await asyncio.sleep(IDLE_SECONDS)
        after = self._cpu()
        self.idle = {part: (after[part] - before[part]) / IDLE_SECONDS for part in PARTS}

    def _cpu(self) -> dict[str, float]:
        now = time.monotonic()
        return {part: cpu_seconds(self.stack.pid(part)) - self.idle.get(part, 0.0) * now for part in PARTS}

    async def _store(self, database: str) -> Store:
        stats = await self.admin[database].command("dbStats")
        return Store(data=int(stats["dataSize"]), index=int(stats["indexSize"]))

    async def _newest_in_oplog(self) -> Any:
        newest = await self.admin["local"]["oplog.rs"].find_one(sort=[("$natural", -1)], projection={"ts": 1})
        return (newest or {})["ts"]

    async def _oplog_since(self, moment: Any) -> float:
        """Bytes. The oplog still holds `moment`, or the number would be too small."""
        oplog = self.admin["local"]["oplog.rs"]
        if await oplog.find_one({"ts": moment}) is None:
            raise RuntimeError("The oplog has come round within the first step. Make that one smaller.")
        size = {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}
        (found,) = await oplog.aggregate([{"$match": {"ts": {"$gt": moment}}}, size]).to_list(1)
        return float(found["bytes"])

    def _memory(self) -> dict[str, float]:
        return {name: resident(self.stack.pid(name)) or 0.0 for name in SERVICES}


async def _all(act: Callable[[Any], Awaitable[T]], items: Iterable[Any]) -> list[T]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: Any) -> T:
        async with places:
            return await act(item)

    return await asyncio.gather(*(one(item) for item in items))


def _logs(folder: Path, topics: Iterable[str]) -> dict[str, int]:
    """Bytes of the segments of each topic, over the first broker's partitions."""
    return {name: sum(path.stat().st_size for path in folder.glob(f"kafka-1/{name}-[0-9]*/*.log")) for name in topics}
