"""The list of cases: what each view asks for, and how far each store is at a glance."""

from datetime import UTC, date, datetime

import pytest

from services.privacy.case_facts import TimeCame
from services.privacy.console.case_list import days_left_of, query_of, row_of
from tests.builders import NOON
from tests.unit.privacy.a_case import ORDER, RULES, STORES, WAIT, a_case, an_opened_case, receipts, restricted, told

DEFERRING = RULES.deferring_readers


def test_a_case_is_overdue_when_the_day_after_its_last_begins_in_almaty() -> None:
    case = a_case(deadline=date(2026, 12, 10))
    before, after = datetime(2026, 12, 10, 18, 59, tzinfo=UTC), datetime(2026, 12, 10, 19, 1, tzinfo=UTC)
    assert query_of("overdue", before)["deadline"] == {"$lt": "2026-12-10"}
    assert days_left_of(case, before) == 0
    assert query_of("overdue", after)["deadline"] == {"$lt": "2026-12-11"}
    assert days_left_of(case, after) == -1


@pytest.mark.parametrize("day_off", [12, 13])
def test_a_case_that_is_overdue_since_a_day_off_is_not_due_today(day_off: int) -> None:
    left = days_left_of(a_case(deadline=date(2026, 12, 11)), datetime(2026, 12, day_off, 6, tzinfo=UTC))
    assert left == -1


def test_a_closed_case_has_no_days_left() -> None:
    assert days_left_of(a_case(state="closed"), NOON) is None


def test_stores_that_have_not_answered_the_step_under_way_wait() -> None:
    case, _ = told(an_opened_case(), *restricted(["delivery"]))
    assert row_of(case, ["intake"], STORES, DEFERRING, NOON).stores == {
        "intake": "done",
        "delivery": "done",
        "notifications": "waits",
        "privacy": "waits",
    }
    case, _ = told(an_opened_case(), *restricted(), *receipts(1))
    case, _ = told(case, TimeCame(), now=NOON + WAIT)
    assert set(row_of(case, (), STORES, DEFERRING, NOON).stores.values()) == {"waits"}


def test_a_store_that_keeps_what_an_order_needs_says_so() -> None:
    case, _ = told(an_opened_case(), *restricted(open_orders=(ORDER,)), *receipts(1, deferred=1))
    assert row_of(case, (), STORES, DEFERRING, NOON).stores == {
        **dict.fromkeys(STORES, "done"),
        "delivery": "kept_for_order",
    }
