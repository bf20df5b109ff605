"""Where a stack keeps its files. `SEALED_VAR` moves the root, so several stacks can run side by side."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "delivery", "notifications", "privacy")


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything the system itself keeps is under `var`; what has left it is under `outside` and nowhere else."""

    var: Path

    @classmethod
    def at(cls, var: Path) -> Self:
        return cls(var.resolve())

    @property
    def mongod_data(self) -> Path:
        return self.var / "data" / "mongod"

    @property
    def keys(self) -> Path:
        return self.var / "keys"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def secrets(self) -> Path:
        return self.run / "secrets"

    @property
    def stack_json(self) -> Path:
        return self.run / "stack.json"

    @property
    def mail_dir(self) -> Path:
        return self.var / "outside" / "mail"

    @property
    def mailbox_dir(self) -> Path:
        """A Maildir: the controller's own mailbox, at its provider."""
        return self.var / "outside" / "mailbox"

    @property
    def sms_log(self) -> Path:
        return self.var / "outside" / "sms.jsonl"

    @property
    def partner_log(self) -> Path:
        return self.var / "outside" / "partner.jsonl"

    def make(self) -> None:
        """Create the folders; those with secrets are their owner's alone."""
        for folder in (self.mongod_data, self.log, self.mail_dir):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.secrets, self.keys):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def default_var() -> Path:
    """`SEALED_VAR`, else var/ beside the code."""
    return Path(os.environ.get("SEALED_VAR") or ROOT / "var").resolve()
