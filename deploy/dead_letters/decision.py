"""What was decided of a dead letter: replayed, or discarded for a reason. A topic is append-only, so a letter can't be
marked where it lies: the mark is a record of its own, keyed by the letter. The last one counts."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from aiokafka import ConsumerRecord
from pydantic import BaseModel, ConfigDict, ValidationError

DECISIONS: Final = "dead-letters-decisions"


class Reason(StrEnum):
    """A closed list: what a person would type could name a person."""

    MALFORMED = "malformed"  # nobody can ever read it
    NOT_OURS = "not-ours"  # no service of ours published it
    HANDLED = "handled"  # what it asked for was done another way
    TEST = "test"


class Decision(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    letter_id: str
    outcome: Literal["replayed", "discarded"]
    reason: Reason | None = None
    decided_at: datetime


def decisions_in(records: Iterable["ConsumerRecord[bytes, bytes]"]) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    for record in records:
        try:
            decision = Decision.model_validate_json(record.value or b"")
        except ValidationError:  # no decision of this tool's: the letter is still to be decided on
            continue
        found[decision.letter_id] = decision
    return found
