"""The search of all files under var/ and of all topics, first for a value that nobody has and that was planted."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.replay import send_again
from deploy.demo.scan import Finding, Needles, scan_files, scan_messages
from deploy.demo.topics import everything
from deploy.local.stack_info import StackInfo
from shared.stores.mongo import Client

PLACES = ("data", "log", "topic")  # where it is planted: a database's files, a log, a message


@dataclass(frozen=True, slots=True)
class Search:
    stack: StackInfo
    var: Path
    topics: Sequence[str]
    admin: Client

    async def find(self, needles: Needles) -> tuple[int, int, list[Finding]]:
        """Bytes of files, number of messages, and what was found in them."""
        await self.admin.admin.command("fsync")
        size, in_files = await asyncio.to_thread(scan_files, self.var, needles)
        messages = await everything(self.stack.kafka.address, self.topics)
        return size, len(messages), [*in_files, *scan_messages(messages, needles)]

    async def plant(self, value: str) -> list[Finding]:
        """Puts the value into a database, a topic and a file, and searches for it: a search that can't find it proves
        nothing."""
        await self.admin["demo"]["planted"].insert_one({"name": value})
        records = (await everything(self.stack.kafka.address, ["orders"]))[:1]
        for record in records:
            record.topic, record.value = "dead-letters-intake", value.encode("utf-16-le")
        await send_again(self.stack.kafka.address, records)
        self.stack.log_dir.joinpath("planted.log").write_text(json.dumps(value))
        *_, findings = await self.find(Needles({"planted": value}))
        return findings


def missed_in(planted: Sequence[Finding]) -> list[str]:
    """Places where it was planted and not found."""
    return sorted({*PLACES} - {finding.where.split("/")[0].split(" ")[0] for finding in planted})
