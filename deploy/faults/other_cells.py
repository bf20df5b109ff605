"""The cells that are no `kill -9` of a service: servers that stop, networks that refuse, consumers that are too slow or
are joined by others half way, clocks that are wrong."""

import asyncio
import random

from deploy.faults.cells import Act, Cell, Fault
from deploy.faults.desk import Desk
from deploy.faults.kafka_cells import NEEDS_KAFKA, kafka_cells
from deploy.faults.mesh import Point
from deploy.faults.processes import clock_off, libfaketime, standing_still, start_later, twin, twin_of
from deploy.faults.server_faults import killed, paused, stopped

CROWD = 25
TWO_MINUTES = 120
PAST_SESSION_SECONDS = 12.0  # shared.messaging.consume.SESSION_MS is 6 s
PAST_MAX_POLL_SECONDS = 310.0  # and max_poll_interval_ms 300 s
REFUSED = (
    ("placing", "intake", "mongodb"),
    ("placing", "intake", "kafka"),
    ("placing", "delivery", "mongodb"),
    ("placing", "delivery", "kafka"),
    ("placing", "notifications", "mail"),
    ("delivering", "delivery", "partner"),
    ("delivering", "notifications", "sms"),
    ("correcting", "notifications", "mongodb"),
    ("correcting", "privacy", "kafka"),
    ("erasing", "privacy", "mongodb"),
    ("erasing", "privacy", "mail"),
    ("erasing", "delivery", "partner"),
)
CLOCKS = (
    ("placing", "notifications", -TWO_MINUTES),
    ("delivering", "delivery", TWO_MINUTES),
    ("correcting", "intake", TWO_MINUTES),
    ("correcting", "intake", -TWO_MINUTES),
    ("correcting", "privacy", TWO_MINUTES),
    ("correcting", "privacy", -TWO_MINUTES),
    ("stopping", "privacy", -TWO_MINUTES),
    ("erasing", "privacy", TWO_MINUTES),
    ("erasing", "privacy", -TWO_MINUTES),
)
SLOW = Point("delivery", "mongodb insert shipments(awaiting_courier)", moment="before")


def other_cells(brokers: int) -> list[Cell]:
    """`brokers`: of Apache Kafka; 0 for the embedded one."""
    faketime = "" if libfaketime() else "libfaketime is not installed (Debian: apt install faketime)"
    return [
        Cell("placing/mongod stopped for 30 s", "placing", fault=stopped("mongod", 30)),
        Cell("erasing/mongod standing still for 30 s", "erasing", fault=paused("mongod", 30)),
        Cell("erasing/mongod killed", "erasing", fault=killed("mongod")),
        *kafka_cells(brokers),
        *(
            Cell(
                f"{journey}/{service} refused by {server} for 5 s",
                journey,
                fault=refused(service, server, 5),
                missing=NEEDS_KAFKA if server == "kafka" and not brokers else "",
            )
            for journey, service, server in REFUSED
        ),
        Cell("placing/delivery joined by a replica in the middle of a batch", "placing", fault=joined, people=CROWD),
        Cell(
            "placing/delivery too slow for its session, a replica takes over",
            "placing",
            fault=too_slow(PAST_SESSION_SECONDS),
            people=CROWD,
        ),
        Cell(
            "placing/delivery too slow for max.poll.interval, a replica takes over",
            "placing",
            fault=too_slow(PAST_MAX_POLL_SECONDS),
            people=CROWD,
        ),
        *(
            Cell(
                f"{journey}/clock of {service} {seconds:+d} s", journey, fault=wrong(service, seconds), missing=faketime
            )
            for journey, service, seconds in CLOCKS
        ),
    ]


def refused(service: str, server: str, seconds: float) -> Fault:
    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        going = asyncio.create_task(act())
        await asyncio.sleep(chance.uniform(0, 0.2))
        await desk.mesh.refuse(service, server)
        await asyncio.sleep(seconds)
        await desk.mesh.restore(service, server)
        await going
        return True

    return fault


async def joined(desk: Desk, chance: random.Random, act: Act) -> bool:
    """A replica starts while a batch is held just before it is written, and is let go when the group is waiting for
    it: the partitions may move only when it is written and committed."""
    replica = twin_of(desk, SLOW.service)

    async def start_and_hold() -> None:
        await start_later(replica)
        await asyncio.sleep(chance.uniform(5, 7))

    trap = desk.mesh.set(SLOW, start_and_hold, cut=False)
    try:
        await act()
        await replica.wait_ready(60)
        return await desk.struck(trap)
    finally:
        desk.mesh.clear()
        await replica.stop()


def too_slow(seconds: float) -> Fault:
    """It stands still with a batch in its hands, just before it is written. A replica gets its partitions and writes
    the batch. Then it goes on where it was: writes once more, and commits what is no longer its own."""

    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        async with twin(desk, SLOW.service):
            going: list[asyncio.Task[None]] = []

            async def stand_still() -> None:
                pid = desk.stack.pid(SLOW.service)

                async def stand() -> None:
                    async with standing_still(pid):
                        await asyncio.sleep(seconds)

                going.append(asyncio.create_task(stand()))

            trap = desk.mesh.set(SLOW, stand_still, cut=False)
            try:
                await act()
                struck = await desk.struck(trap)
                await asyncio.gather(*going)
                return struck
            finally:
                desk.mesh.clear()

    return fault


def wrong(service: str, seconds: int) -> Fault:
    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        async with clock_off(desk, service, seconds):
            await act()
        return True

    return fault
