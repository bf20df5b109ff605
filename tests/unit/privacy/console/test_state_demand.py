"""What of a state body's demand may be kept: its reference, and nobody's number or address."""

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.privacy.console.state_disclosure import StateDemand

DEMAND = {
    "body": "Медеу аудандық соты, Алматы қ.",
    "legal_ground": "court",
    "article": "АПК 73-бап",
    "document": "7512-26-00-2/345",
    "document_date": "2026-03-02",
    "fields": ("phone", "delivery_address"),
}


def demand(**changes: Any) -> StateDemand:
    return StateDemand.model_validate({**DEMAND, **changes})


def test_a_demand_s_reference_is_kept_as_it_was_entered() -> None:
    assert demand().details() == {**DEMAND, "fields": ["phone", "delivery_address"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"body": ""},
        {"body": "  "},
        {"body": "x" * 121},
        {"body": "Court, on +7 700 000 00 42"},
        {"document": "IIN 000101500042"},
        {"document": "87000000042"},
        {"article": "see clerk@example.kz"},
        {"legal_ground": "curiosity"},
        {"document_date": (date.today() + timedelta(days=2)).isoformat()},
        {"document_date": "yesterday"},
        {"fields": ()},
        {"why": "they asked"},
    ],
)
def test_what_names_a_person_or_no_document_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        demand(**changes)
    (typed,) = changes.values()
    assert len(str(typed)) < 8 or str(typed) not in str(refused.value)
