"""The cells of Kafka itself. Most need Apache Kafka: the embedded broker keeps everything in memory, in one place."""

import asyncio
import random
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import DefaultPartitioner

from deploy.faults.cells import Act, Cell, Fault
from deploy.faults.desk import Desk
from deploy.faults.server_faults import paused
from deploy.faults.small_disk import possible

TOPIC = "shipments"
FULL_SECONDS = 15.0
FILLER = "filler"
NEEDS_THREE = "needs Apache Kafka with three nodes: BROKER=kafka BROKERS=3"
# A consumer whose connection to the embedded broker broke is not given a partition again; readiness does not see it.
NEEDS_KAFKA = "needs Apache Kafka, BROKER=kafka: on the embedded broker a consumer cut off does not come back"
NEEDS_DISK = "needs Apache Kafka and a small disk: BROKER=kafka, as root on Linux"


def kafka_cells(brokers: int) -> list[Cell]:
    return [
        Cell(
            "delivering/broker standing still for 10 s",
            "delivering",
            fault=paused(first(brokers), 10),
            missing="" if brokers else NEEDS_KAFKA,
        ),
        Cell(
            "delivering/leader of the person's partition killed",
            "delivering",
            fault=leader_killed,
            missing="" if brokers == 3 else NEEDS_THREE,
        ),
        Cell(
            f"delivering/disk of a broker full for {FULL_SECONDS:.0f} s",
            "delivering",
            fault=disk_full(first(brokers)),
            missing="" if brokers and possible() else NEEDS_DISK,
        ),
    ]


def first(brokers: int) -> str:
    return "kafka-1" if brokers else "broker"


async def leader_killed(desk: Desk, chance: random.Random, act: Act) -> bool:
    """The node that takes what delivery says of this person's parcel."""
    leader = await _leader(desk, desk.stories[-1].subject_id.encode())
    going = asyncio.create_task(act())
    await asyncio.sleep(chance.uniform(0, 0.3))
    await desk.stack.kill(f"kafka-{leader}")
    await going
    await desk.stack.wait_ready(f"kafka-{leader}", 180)
    return True


async def _leader(desk: Desk, key: bytes) -> int:
    """The node's number."""
    admin = AIOKafkaAdminClient(**desk.stack.info.kafka.address.client_options())
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([TOPIC])
        leaders = {partition["partition"]: partition["leader"] for partition in topic["partitions"]}
        partitions = sorted(leaders)
        return int(leaders[DefaultPartitioner()(key, partitions, partitions)])
    finally:
        await admin.close()


def disk_full(part: str) -> Fault:
    """Its log directory lies on a disk of its own (`deploy.faults.lane`), and a file takes all that is left of it."""

    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        filler = desk.stack.layout.var / "data" / part / FILLER
        going = asyncio.create_task(act())
        await asyncio.sleep(chance.uniform(0, 0.3))
        try:
            await asyncio.to_thread(_fill, filler)
            await asyncio.sleep(FULL_SECONDS)
        finally:
            filler.unlink(missing_ok=True)
        await going
        await desk.stack.wait_ready(part, 180)
        return True

    return fault


def _fill(path: Path) -> None:
    """Raises FileNotFoundError where the directory is not a disk of its own: the machine's is not ours to fill."""
    if not path.parent.is_mount():
        raise FileNotFoundError("no small disk is mounted")
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))
    except OSError:
        return
