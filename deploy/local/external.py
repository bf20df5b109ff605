"""Servers of somebody else's that replace the embedded ones."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.local.part import StackError
from shared.messaging.kafka_address import KafkaAddress


@dataclass(frozen=True, slots=True)
class External:
    """Servers that replace the embedded ones. Both users are administrators."""

    kafka: KafkaAddress | None = None
    mongodb_uri: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """KAFKA_BOOTSTRAP_SERVERS with KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_CA_FILE, and MONGODB_URI."""
        return cls(kafka_from_environment(), os.environ.get("MONGODB_URI") or None)


def kafka_from_environment() -> KafkaAddress | None:
    servers, user, password = map(os.environ.get, ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_USERNAME", "KAFKA_PASSWORD"))
    if not servers:
        return None
    ca_file = os.environ.get("KAFKA_CA_FILE")
    return KafkaAddress(servers, user or None, password or None, Path(ca_file) if ca_file else None)


class ServerUnreachable(StackError):
    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(
            f"The server of {variable} can't be used ({problem}). Correct it, or unset it for an embedded one."
        )
