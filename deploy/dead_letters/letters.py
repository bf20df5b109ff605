"""Dead letters as facts: what an administrator may see of a message without seeing what could be a person's."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from aiokafka import ConsumerRecord

from deploy.dead_letters.decision import DECISIONS, Decision, decisions_in
from shared.contracts.catalogue import PUBLISHED
from shared.messaging.cloudevents import RANDOM_ID

PREFIX: Final = "dead-letters-"
ORIGIN: Final = re.compile(r"([a-z-]+)/(\d+)/(\d+)")
CODE: Final = re.compile(r"[a-z-]{1,40}")
TYPES: Final = frozenset(event.type_name() for event in PUBLISHED)

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class Letter:
    """`letter_id`: service/partition/offset in its dead-letter topic. `size`: bytes of the message as it was. What a
    header holds is shown only where it is of a known form: a message that nobody could read may hold anything."""

    letter_id: str
    service: str
    code: str
    topic: str
    partition: int
    offset: int
    size: int
    cut: bool
    put_aside_at: datetime
    event_id: str | None
    event_type: str | None
    event_time: datetime | None
    subject_id: str | None
    decision: Decision | None
    record: Record = field(repr=False)


def letters_in(records: Iterable[Record]) -> list[Letter]:
    """Of everything in the dead-letter topics and in the topic of decisions; oldest first."""
    records = list(records)
    decided = decisions_in(record for record in records if record.topic == DECISIONS)
    return [_letter(record, decided) for record in records if record.topic != DECISIONS]


def _letter(record: Record, decided: Mapping[str, Decision]) -> Letter:
    headers = {name: (value or b"").decode("ascii", "replace") for name, value in record.headers}
    origin = ORIGIN.fullmatch(headers.get("dead-letter-origin", ""))
    topic, partition, offset = origin.groups() if origin else ("unknown", "0", "0")
    cut_from = headers.get("dead-letter-cut-from", "")
    service = record.topic.removeprefix(PREFIX)
    letter_id = f"{service}/{record.partition}/{record.offset}"
    return Letter(
        letter_id=letter_id,
        service=service,
        code=_of_form(CODE, headers.get("dead-letter-code")) or "unknown",
        topic=topic,
        partition=int(partition),
        offset=int(offset),
        size=int(cut_from) if cut_from.isdigit() else len(record.value or b""),
        cut=bool(cut_from) or origin is None,
        put_aside_at=datetime.fromtimestamp(record.timestamp / 1_000, UTC),
        event_id=_of_form(RANDOM_ID, headers.get("ce_id")),
        event_type=headers["ce_type"] if headers.get("ce_type") in TYPES else None,
        event_time=_time(headers.get("ce_time")),
        subject_id=_of_form(RANDOM_ID, headers.get("dead-letter-key")),
        decision=decided.get(letter_id),
        record=record,
    )


def _of_form(form: "re.Pattern[str]", text: str | None) -> str | None:
    return text if text and form.fullmatch(text) else None


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        return None
