"""Prometheus' own tool, which reads rules as the server does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# With CI=true nothing is skipped: the test then fails for the lack of it.
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("CI") != "true",
    reason="promtool is missing: apt install prometheus, or `make monitoring` as root",
)


def promtool(*arguments: str | Path) -> tuple[bool, str]:
    """Whether it found nothing wrong, and what it said."""
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode == 0, done.stdout + done.stderr
