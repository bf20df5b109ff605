"""Servers of somebody else's that replace the embedded ones."""

import os
from dataclasses import dataclass, field
from typing import Self

from deploy.local.part import StackError


@dataclass(frozen=True, slots=True)
class External:
    """Servers that replace the embedded ones. `mongodb_uri` is an administrator's."""

    kafka_bootstrap_servers: str | None = None
    mongodb_uri: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        return cls(os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None, os.environ.get("MONGODB_URI") or None)


class ServerUnreachable(StackError):
    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(
            f"The server of {variable} can't be used ({problem}). Correct it, or unset it for an embedded one."
        )
