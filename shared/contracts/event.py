"""What every event has: a type, a topic, a subject to be ordered by, and at most sealed personal data."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SubjectId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
RecordId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Purpose = Annotated[str, StringConstraints(pattern=r"^3\.2\.\d$")]
Envelope = Annotated[bytes, Field(min_length=28, max_length=64 * 1024)]

TYPE_PREFIX = "kz.exl"


class Contract(BaseModel):
    """Frozen; unknown fields are ignored, so that an older consumer survives a newer publisher."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,
    )


class Message(Contract, ABC):
    """What goes to a topic: a past-tense fact, or a command. Messages of one `key` keep their order."""

    VERSION: ClassVar[int] = 1
    TOPIC: ClassVar[str]
    PUBLISHERS: ClassVar[tuple[str, ...]]

    @classmethod
    def type_name(cls) -> str:
        """The CloudEvents `type`, for example `kz.exl.OrderPlaced.v1`."""
        return f"{TYPE_PREFIX}.{cls.__name__}.v{cls.VERSION}"

    def topic(self) -> str:
        return self.TOPIC

    @abstractmethod
    def key(self) -> str: ...


class Event(Message):
    """Of one subject. Random ids only; personal fields travel sealed."""

    subject_id: SubjectId

    def key(self) -> str:
        return self.subject_id

    def sealed_readers(self) -> dict[str, bytes]:
        """Envelope of each reader; empty where the event carries no personal data."""
        sealed: dict[str, Any] = getattr(self, "sealed", {})
        return sealed
