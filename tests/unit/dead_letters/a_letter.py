"""Records as they lie in a dead-letter topic and in the topic of decisions."""

from typing import Any

from aiokafka import ConsumerRecord

from deploy.dead_letters.decision import DECISIONS, Decision
from tests.builders import NOON, a_record

SUBJECT, EVENT = "5ab1ec75" * 4, "e7e47e7e" * 4


def a_letter(
    value: bytes | None = b"raw", *, service: str = "delivery", offset: int = 0, **headers: bytes | None
) -> Any:
    """Put aside by a service; underscores in `headers` stand for hyphens, but for `ce_`."""
    said: dict[str, bytes | None] = {
        "dead-letter-code": b"subject-unknown",
        "dead-letter-origin": b"orders/3/41",
        "dead-letter-key": SUBJECT.encode(),
        "ce_id": EVENT.encode(),
        "ce_type": b"kz.exl.OrderPlaced.v1",
        "ce_time": b"2026-03-02T07:00:00Z",
    }
    said |= {name if name.startswith("ce_") else name.replace("_", "-"): held for name, held in headers.items()}
    kept = [(name, held) for name, held in said.items() if held is not None]
    return timed(a_record(value, key=b"x", headers=kept, topic=f"dead-letters-{service}", offset=offset))


def a_decision(letter_id: str, outcome: str = "replayed", **said: Any) -> Any:
    decision = Decision.model_validate({"letter_id": letter_id, "outcome": outcome, "decided_at": NOON, **said})
    return timed(a_record(decision.model_dump_json().encode(), key=letter_id.encode(), topic=DECISIONS))


def timed(record: Any) -> Any:
    """At NOON, as the broker stamps it."""
    place = (record.topic, record.partition, record.offset, int(NOON.timestamp() * 1_000), 0)
    sizes = (len(record.key or b""), len(record.value or b""))
    return ConsumerRecord(*place, record.key, record.value, None, *sizes, record.headers)
