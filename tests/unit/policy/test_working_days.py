from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.policy.working_days import deadline, deadline_with_coverage, working_days_left


@pytest.mark.parametrize(
    ("received", "days", "last_day"),
    [
        ("2026-12-11", 1, "2026-12-14"),
        ("2026-12-11", 3, "2026-12-17"),
        ("2026-12-11", 15, "2027-01-06"),
        ("2026-12-15", 1, "2026-12-17"),
        ("2026-12-15", 3, "2026-12-21"),
        ("2026-12-15", 15, "2027-01-11"),
        ("2026-12-30", 1, "2026-12-31"),
        ("2026-12-30", 3, "2027-01-06"),
        ("2026-12-30", 15, "2027-01-25"),
        ("2027-03-19", 1, "2027-03-25"),
        ("2027-03-19", 3, "2027-03-29"),
        ("2027-03-19", 15, "2027-04-14"),
    ],
)
def test_the_day_after_receipt_is_day_one(received: str, days: int, last_day: str) -> None:
    noon = datetime.fromisoformat(f"{received}T12:00:00+05:00")
    assert deadline(noon, days) == date.fromisoformat(last_day)


def test_the_day_of_receipt_is_the_day_in_almaty() -> None:
    assert deadline(datetime(2026, 12, 10, 18, 59, tzinfo=UTC), 1) == date(2026, 12, 11)
    assert deadline(datetime(2026, 12, 10, 19, 0, tzinfo=UTC), 1) == date(2026, 12, 14)


def test_a_naive_time_or_no_day_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        deadline(datetime(2026, 12, 11), 1)
    with pytest.raises(ValueError, match="1 or more"):
        deadline(datetime(2026, 12, 11, tzinfo=UTC), 0)


def test_a_year_without_its_official_calendar_carries_a_warning() -> None:
    covered = deadline_with_coverage(datetime(2025, 3, 3, tzinfo=UTC), 3)
    beyond = deadline_with_coverage(datetime(2025, 12, 30, tzinfo=UTC), 3)
    assert covered.warning is None
    assert beyond.warning is not None
    assert "working_days_overrides.yaml" in str(beyond.warning)


def test_overrides_move_days_and_widen_the_coverage(tmp_path: Path) -> None:
    overrides = tmp_path / "overrides.yaml"
    overrides.write_text(
        "covered_until: 2030\n"
        "non_working: [{day: 2026-12-14, why: Transferred, source: Example}]\n"
        "working: [{day: 2026-12-12, why: Transferred, source: Example}]\n"
    )
    received = datetime(2026, 12, 11, 9, 0, tzinfo=UTC)
    first, second = (deadline_with_coverage(received, days, overrides) for days in (1, 2))
    assert (first.day, first.warning) == (date(2026, 12, 12), None)
    assert second.day == date(2026, 12, 15)
    assert deadline(received, 1) == date(2026, 12, 14)


@pytest.mark.parametrize(
    ("last_day", "left"), [("2027-01-06", 15), ("2026-12-14", 1), ("2026-12-11", 0), ("2026-12-10", -1)]
)
def test_days_left_count_down_to_the_deadline_and_beyond(last_day: str, left: int) -> None:
    assert working_days_left(date.fromisoformat(last_day), datetime(2026, 12, 11, 6, 0, tzinfo=UTC)) == left
