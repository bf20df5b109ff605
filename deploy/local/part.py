"""A part of the stack: a program, and how to see that it works."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Part:
    """`ready` answers whether the part works now; it never raises. Times in seconds.

    restart: whether a death is repaired (as an orchestrator would) or ends the stack.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]
    restart: bool = True
    start_seconds: float = 60
    stop_seconds: float = 30


class StackError(RuntimeError):
    """Why a stack can't run, in words for a person, and what to do."""

    exit_code = 1


class PartMissing(StackError):
    """A program the stack needs is not on this machine. `remedy` says what to do."""

    def __init__(self, part: str, remedy: str) -> None:
        super().__init__(f"{part} is missing. {remedy}")


class PartFailed(StackError):
    """A part ended by itself where it had to run. `exit_code` as a shell counts it: 128 + signal where killed."""

    def __init__(self, part: str, returncode: int, log: Path) -> None:
        self.part = part
        self.exit_code = returncode if returncode > 0 else 128 - returncode if returncode < 0 else 1
        super().__init__(f"{part} ended with exit code {self.exit_code}.{_tail(log)}")


class PartNotReady(PartFailed):
    """A part runs, but did not become ready in its time."""

    def __init__(self, part: str, seconds: float, log: Path) -> None:
        self.part = part
        StackError.__init__(self, f"{part} was not ready within {seconds:g} seconds.{_tail(log)}")


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:] if log.exists() else []
    return "\n".join([f" The end of {log}:", *(f"  {line}" for line in lines)]) if lines else f" See {log}."
