"""Resident memory and processor time of a process, as the kernel counts them."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.layout import SERVICES
from deploy.local.stack import LocalStack

EVERY_SECONDS = 2.0
WARM_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Growth:
    """Of the process that lived longest, in MiB: once it was warm (a quarter of its life), and at its end."""

    warm: float
    end: float
    seconds: float

    @property
    def ratio(self) -> float:
        return self.end / self.warm


@dataclass(slots=True)
class Memory:
    """Samples by (service, pid): linux's VmRSS in MiB."""

    stack: LocalStack
    samples: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            for service in SERVICES:
                pid = self.stack.pid(service)
                if mebibytes := resident(pid):
                    self.samples.setdefault((service, pid), []).append(mebibytes)
            await asyncio.sleep(EVERY_SECONDS)

    def growth(self) -> Mapping[str, Growth]:
        grown: dict[str, Growth] = {}
        for service in SERVICES:
            longest = max((s for (name, _), s in self.samples.items() if name == service), key=len)
            tail = longest[-5:]
            warm = longest[int(len(longest) * WARM_SHARE) :][:5]
            grown[service] = Growth(sum(warm) / len(warm), sum(tail) / len(tail), len(longest) * EVERY_SECONDS)
        return grown


def resident(pid: int) -> float | None:
    """MiB; None where there is no such process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    lines = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0][1]) / 1024 if lines else None


def cpu_seconds(pid: int) -> float:
    """Of all its threads, in user and system mode, since it was started (proc(5): fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
