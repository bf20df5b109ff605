"""One stack per var/: two would write into the same files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.layout import Layout
from deploy.local.part import StackError


class StackRunning(StackError):
    def __init__(self, layout: Layout) -> None:
        super().__init__(
            f"A stack is running on {layout.var}. Stop it first, or set SEALED_VAR to give this one its own place."
        )


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Held until the end, or until the process ends by any cause. Raises StackRunning."""
    layout.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (layout.run / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackRunning(layout) from None
        yield
