"""Passwords and tokens of a stack: random, one file each (mode 0600), the same in its next run."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from shared.sealing.kek_files import write_secret


@dataclass(frozen=True, slots=True)
class Credentials:
    folder: Path

    def password(self, user: str) -> str:
        """Of a MongoDB user (`admin`, or a service's name) or of Kafka's administrator."""
        return self._secret(f"{user}.password")

    def kafka_password(self, service: str) -> str:
        return self._secret(f"kafka-{service}.password")

    def token(self, role: str) -> str:
        """Bearer token of `shop`, `operator` or `officer`."""
        return self._secret(f"{role}.token")

    def replica_set_key(self) -> Path:
        """mongod's key file: base64, as it demands."""
        path = self.folder / "mongod.key"
        if not path.exists():
            write_secret(path, base64.b64encode(secrets.token_bytes(96)).decode())
        return path

    def _secret(self, name: str) -> str:
        path = self.folder / name
        if not path.exists():
            write_secret(path, secrets.token_urlsafe(24))
        return path.read_text()
