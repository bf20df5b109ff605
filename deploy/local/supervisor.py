"""Keep one part running: start it, see it ready, start it again with back-off when it dies, stop it with grace."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.part import Part, PartFailed, PartNotReady
from deploy.local.readiness import opened

_EXEC = Path(__file__).with_name("exec_with_parent.py")


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds before a part is started again: doubling from `first` to `limit`; anew once it lived for `steady`."""

    first: float = 0.2
    limit: float = 10.0
    steady: float = 10.0

    def after(self, previous: float, lived: float) -> float:
        return self.first if previous == 0 or lived >= self.steady else min(previous * 2, self.limit)


class Supervisor:
    """One part's process, in a session of its own, so that Ctrl-C reaches only the launcher.

    `on_change` is called when the process is another one, `on_failure` when the part has ended for good by itself,
    `report` with a line for people. Must be started and stopped in one event loop, whose thread must outlive the
    part (see exec_with_parent.py).
    """

    def __init__(
        self,
        part: Part,
        *,
        working_dir: Path,
        log_dir: Path,
        on_change: Callable[[], None] = lambda: None,
        on_failure: Callable[[PartFailed], None] = lambda failure: None,
        report: Callable[[str], None] = lambda line: None,
        back_off: BackOff | None = None,
    ) -> None:
        self.part = part
        self.log = log_dir / f"{part.name}.log"
        self._working_dir = working_dir
        self._on_change = on_change
        self._on_failure = on_failure
        self._report = report
        self._back_off = back_off or BackOff()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._stopping = False
        self.failure: PartFailed | None = None

    @property
    def pid(self) -> int:
        """Of the process; of the last one while there is none. Raises ProcessLookupError before the first start."""
        if not self._process:
            raise ProcessLookupError(f"{self.part.name} was never started.")
        return self._process.pid

    @property
    def _returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Return when the part is ready. Raises PartFailed if it ends first, PartNotReady if it takes too long."""
        if self._task:
            return
        self._stopping, self.failure = False, None
        self._ended.clear()
        self._task = asyncio.create_task(self._keep_running(), name=f"keep {self.part.name} running")
        try:
            await self.wait_ready(self.part.start_seconds)
        except BaseException:
            await self.stop()
            raise

    async def wait_ready(self, seconds: float = 30) -> None:
        """Wait for the part to be ready, for the first time or again. Raises as `start` does."""
        waiting = [asyncio.create_task(event.wait()) for event in (self._ready, self._ended)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if self._task and self._task.done():
            self._task.result()  # a fault of the launcher's own is raised as it is
        if self.failure:
            raise self.failure
        if not self._ready.is_set():
            raise PartNotReady(self.part.name, seconds, self.log)

    def kill(self) -> int:
        """As `kill -9`, and return the pid it hit; a part that is to be restarted comes back."""
        if not self.alive:
            raise ProcessLookupError(f"{self.part.name} has no process now.")
        self._ready.clear()
        os.kill(self.pid, signal.SIGKILL)
        return self.pid

    async def stop(self) -> int | None:
        """TERM to the process group, the part's time of grace, then KILL. The part stays stopped. Idempotent.

        Returns how its last process ended, as subprocess counts it; -9 where the time of grace was too short."""
        if not self._task:
            return self._returncode
        self._stopping = True
        for number, seconds in ((signal.SIGTERM, self.part.stop_seconds), (signal.SIGKILL, None)):
            if self.alive:
                self._signal_group(number)
                await asyncio.wait({self._task}, timeout=seconds)
        self._task.cancel()  # where it is pausing between two lives
        await asyncio.wait({self._task})
        self._task = None
        return self._returncode

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        pause, was_ready = 0.0, False
        try:
            while True:
                began = loop.time()
                returncode = await self._live()
                if self._stopping:
                    return
                was_ready = was_ready or self._was_ready
                if not (self.part.restart and was_ready):
                    self.failure = PartFailed(self.part.name, returncode, self.log)
                    self._on_failure(self.failure)
                    return
                pause = self._back_off.after(pause, loop.time() - began)
                self._report(f"ended with {returncode}; started again in {pause:g} s")
                await asyncio.sleep(pause)
        finally:
            self._ended.set()

    async def _live(self) -> int:
        """One life of the process, from its start to its end; returns its code."""
        self._was_ready = False
        self._process = await self._spawn()
        self._on_change()
        gate = asyncio.create_task(self._await_readiness())
        try:
            return await self._process.wait()
        finally:
            gate.cancel()
            self._ready.clear()
            self._signal_group(signal.SIGKILL)  # whatever it may have left behind

    async def _await_readiness(self) -> None:
        await opened(self.part.ready)
        self._was_ready = True
        self._ready.set()

    async def _spawn(self) -> Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_EXEC), str(os.getpid())),
                *self.part.argv,
                cwd=self._working_dir,
                env=dict(self.part.environment),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
            )

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
