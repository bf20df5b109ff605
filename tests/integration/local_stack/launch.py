"""A launcher to be killed: starts mongod and broker in the folder given, prints their pids, waits for TERM."""

import asyncio
import signal
import sys
from pathlib import Path

from deploy.local.external import External
from deploy.local.stack import local_stack


async def main(var: Path) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with local_stack(var, services=(), external=External()) as stack:
        print(*(stack.pid(part) for part in ("mongod", "broker")), flush=True)
        await told.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
