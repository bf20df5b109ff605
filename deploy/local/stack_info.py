"""var/run/stack.json: where everything of a running stack is. Secrets in it are not shown by repr."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from deploy.local.part import StackError
from shared.messaging.kafka_address import KafkaAddress
from shared.sealing.kek_files import write_secret


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceInfo(_Frozen):
    url: str
    pid: int


class KafkaInfo(_Frozen):
    """The user is the administrator; the embedded broker has none."""

    bootstrap_servers: str
    username: str | None = None
    password: str | None = Field(default=None, repr=False)

    @property
    def address(self) -> KafkaAddress:
        return KafkaAddress(self.bootstrap_servers, self.username, self.password)


class MongodbInfo(_Frozen):
    """`uri` is the administrator's. An external server has neither pid nor data_dir here."""

    uri: str = Field(repr=False)
    pid: int | None
    data_dir: Path | None


class Tokens(_Frozen):
    shop: str = Field(repr=False)
    operator: str = Field(repr=False)
    officer: str = Field(repr=False)


class OutsideInfo(_Frozen):
    """`mailbox`: the controller's address, where it has a mailbox; write to it through the mail receiver."""

    smtp_port: int
    mailbox: str | None
    mail_dir: Path
    sms_log: Path
    partner_log: Path


class StackInfo(_Frozen):
    """`services`: the first replica of each; `replicas`: all of each, the first included."""

    services: Mapping[str, ServiceInfo]
    replicas: Mapping[str, tuple[ServiceInfo, ...]]
    kafka: KafkaInfo
    mongodb: MongodbInfo
    tokens: Tokens
    outside: OutsideInfo
    log_dir: Path

    def write(self, path: Path) -> None:
        """Atomically, for the owner only: a reader sees the old state or the new one."""
        write_secret(path, self.model_dump_json(indent=1))


def read_stack(path: Path) -> StackInfo:
    """Raises StackNotRunning where no stack has written it."""
    if not path.exists():
        raise StackNotRunning(path)
    return StackInfo.model_validate_json(path.read_text())


class StackNotRunning(StackError):
    def __init__(self, path: Path) -> None:
        super().__init__(f"No stack is running: there is no {path}. Start one with `make run`.")
