"""The processes of a stack, by name."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from deploy.local.layout import ROOT
from deploy.local.part import Part, PartFailed
from deploy.local.supervisor import Supervisor

Report = Callable[[str, str], None]


class Parts:
    """Each is kept running by a supervisor of its own. `report`: called with a part's name and a line for people.

    Must be made in the event loop that starts and stops them."""

    def __init__(self, log_dir: Path, report: Report) -> None:
        self._log_dir = log_dir
        self._report = report
        self._supervisors: dict[str, Supervisor] = {}
        self._failure: asyncio.Future[PartFailed] = asyncio.get_running_loop().create_future()

    def has(self, name: str) -> bool:
        return name in self._supervisors

    def pid(self, name: str) -> int:
        """While it has no process, the last one's."""
        return self._supervisors[name].pid

    async def kill(self, name: str) -> int:
        """As `kill -9`; returns the pid it hit. A service comes back by itself: `wait_ready` waits for that."""
        return self._supervisors[name].kill()

    async def stop(self, name: str) -> int | None:
        """TERM, and stay down until `start`. Returns how it ended, as `Supervisor.stop` does. Stopping the embedded
        broker loses its messages: it is in memory."""
        return await self._supervisors[name].stop()

    async def start(self, name: str) -> None:
        """Start what `stop` stopped; return when it is ready."""
        await self._supervisors[name].start()

    async def wait_ready(self, name: str, seconds: float = 30) -> None:
        """Raises PartFailed if it isn't ready in that time."""
        await self._supervisors[name].wait_ready(seconds)

    async def wait_failed(self) -> PartFailed:
        """The first failure that nobody repairs: the broker's death. Waits for ever if there is none."""
        return await asyncio.shield(self._failure)

    async def add(self, part: Part, on_change: Callable[[], None]) -> None:
        """Start it for the first time; return when it is ready. `on_change`: called when it is another process."""
        supervisor = Supervisor(
            part,
            working_dir=ROOT,
            log_dir=self._log_dir,
            on_change=on_change,
            on_failure=self._take_failure,
            report=lambda line: self._report(part.name, line),
        )
        self._supervisors[part.name] = supervisor
        await supervisor.start()
        self._report(part.name, "ready")

    async def stop_all(self, *tiers: tuple[str, ...]) -> None:
        """Stop all parts, tier by tier, those of one tier together."""
        for tier in tiers:
            await asyncio.gather(*(self.stop(name) for name in tier if self.has(name)))
        if not self._failure.done():
            self._failure.cancel()

    def _take_failure(self, failure: PartFailed) -> None:
        if not self._failure.done():
            self._failure.set_result(failure)
