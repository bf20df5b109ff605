"""A stack on which cells are run one after the other, and what must be true of all of it at the end."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.demo.scan import Needles, scan_files, scan_messages
from deploy.demo.topics import everything
from deploy.faults.desk import Desk
from deploy.faults.facts import not_yet
from deploy.faults.kafka_cells import first
from deploy.faults.mesh import Mesh
from deploy.faults.people import needles
from deploy.faults.small_disk import small_disk
from deploy.local.kafka import brokers_wanted
from deploy.local.layout import SERVICES
from deploy.local.stack import local_stack


@asynccontextmanager
async def lane(var: Path) -> AsyncIterator[Desk]:
    """A stack of its own in the empty folder `var`, a proxy between everything and everything else."""
    _empty(var)
    mesh = Mesh()
    try:
        async with small_disk(var / "data" / first(brokers_wanted())), local_stack(var, rewire=mesh.rewire) as stack:
            desk = Desk(stack, mesh)
            try:
                yield desk
            finally:
                await desk.close()
    finally:
        await mesh.close()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


async def wrong_at_the_end(desk: Desk) -> list[str]:
    """Everybody's story once more, the sums, the ledger, and a search of every byte."""
    wrong = [unmet for story in desk.stories for unmet in await not_yet(desk, story)]
    placed = {order_id for story in desk.stories for order_id in story.orders}
    erased = {order_id for story in desk.stories if story.erased for order_id in story.orders}
    for store, orders in (("intake", placed), ("privacy", placed - erased)):
        known = {document["_id"] async for document in desk.admin[store]["orders"].find({}, {"_id": 1})}
        if known != orders:
            wrong.append(f"{store} knows {len(known)} orders, {len(orders)} is right")
    if not (await desk.privacy.get("/v1/ledger/verification"))["holds"]:
        wrong.append("the ledger's chain is broken")
    await desk.admin.admin.command("fsync")
    wanted = Needles(needles())
    _, findings = await asyncio.to_thread(scan_files, desk.stack.layout.var, wanted)
    messages = await everything(desk.stack.info.kafka.address, desk.policy.topics)
    wrong += [
        f"{found.value} in clear ({found.encoding}) in {found.where}"
        for found in (*findings, *scan_messages(messages, wanted))
    ]
    return wrong + faults_logged(desk)


def faults_logged(desk: Desk) -> list[str]:
    """What the services logged as errors, each kind once; not what libraries say of servers that are gone."""
    found: set[str] = set()
    for service in SERVICES:
        for line in desk.stack.layout.log.joinpath(f"{service}.log").read_text().splitlines():
            if line.startswith("{") and line.endswith("}"):
                entry = json.loads(line)
                ours = entry.get("logger", "").startswith(("services.", "shared."))
                if ours and entry["level"] in ("error", "critical"):
                    found.add(f"{service} logged the error {entry['event']}")
    return sorted(found)
