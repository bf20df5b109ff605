"""The command line `sealed`, as a process of its own."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.layout import ROOT

LONGEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


async def sealed(var: Path, *arguments: str) -> Done:
    """Run it against the stack under `var`, in a terminal of 100 columns without colour."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEALED_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *arguments),
        cwd=ROOT,
        env={**environment, "SEALED_VAR": str(var), "COLUMNS": "100", "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LONGEST_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())
