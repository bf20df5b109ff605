"""What the pictures are drawn from: every number is there once, and every bar within its frame."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.privacy.answer_store import Answer
from services.privacy.case import Case
from services.privacy.case_facts import TimeCame
from services.privacy.console.pictures import (
    BAR_AREA,
    LEFT,
    WIDTH,
    WORKING_DAYS_AHEAD,
    Chart,
    FanOut,
    deadlines_ahead,
    fan_out,
    per_day,
    since_shown,
)
from services.privacy.console.store_progress import progress_of
from shared.policy.working_days import ALMATY, deadline
from tests.builders import NOON
from tests.unit.privacy.a_case import (
    ORDER,
    RULES,
    STORES,
    WAIT,
    an_opened_case,
    counts,
    receipts,
    restricted,
    told,
)

TODAY = date(2026, 3, 2)
days = st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 6, 30)), st.integers(1, 10_000), max_size=30)


def drawn(case: Case, answers: Sequence[Answer] = ()) -> FanOut:
    return fan_out(case, progress_of(case, answers, STORES))


def states(picture: FanOut) -> dict[str, str]:
    return {node.store: node.state for node in picture.nodes}


def values(chart: Chart) -> dict[object, int]:
    return {column.day or column.when: column.values[0] for column in chart.columns}


@settings(deadline=None)
@given(days)
def test_every_open_case_is_counted_once(open_cases: dict[date, int]) -> None:
    chart = deadlines_ahead(open_cases, NOON)
    assert sum(column.values[0] for column in chart.columns) == sum(open_cases.values())


@settings(deadline=None)
@given(days, days)
def test_every_bar_stands_on_the_base_within_the_frame(one: dict[date, int], other: dict[date, int]) -> None:
    for chart in (deadlines_ahead(one, NOON), per_day([one, other], NOON)):
        bars = [bar for column in chart.columns for bar in column.bars]
        for bar in bars:
            assert bar.x >= LEFT
            assert bar.x + bar.width <= WIDTH + 0.01
            assert 0 <= bar.y <= BAR_AREA
            assert abs(bar.y + bar.height - chart.base) < 0.011
            assert (bar.height > 0) == (bar.value > 0)
        by_place = sorted(bars, key=lambda bar: bar.x)
        assert all(a.x + a.width <= b.x + 0.011 for a, b in pairwise(by_place))


def test_the_highest_value_has_the_highest_bar() -> None:
    chart = per_day([{TODAY: 4, TODAY - timedelta(days=1): 8}], NOON)
    assert chart.highest == 8
    *_, yesterday, today = (column.bars[0] for column in chart.columns)
    assert yesterday.height == 2 * today.height


def test_deadlines_are_shown_by_working_day() -> None:
    tomorrow, last = deadline(NOON, 1), deadline(NOON, WORKING_DAYS_AHEAD)
    chart = deadlines_ahead(
        {TODAY - timedelta(days=3): 1, TODAY: 2, tomorrow: 3, last: 4, last + timedelta(days=1): 5}, NOON
    )
    shown = values(chart)
    assert len(shown) == WORKING_DAYS_AHEAD + 3
    assert (shown["overdue"], shown[TODAY], shown[tomorrow], shown[last], shown["later"]) == (1, 2, 3, 4, 5)
    assert date(2026, 3, 8) not in shown, "a Sunday and a holiday"


def test_a_case_due_on_a_day_off_is_not_lost() -> None:
    shown = values(deadlines_ahead({date(2026, 3, 8): 7}, NOON))
    assert shown[date(2026, 3, 6)] == 7


def test_the_day_is_almaty_s() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=ALMATY)
    assert per_day([{TODAY: 3}], late).columns[-1].values == (3,)
    assert per_day([{TODAY: 3}], late + timedelta(hours=1)).columns[-2].values == (3,)
    assert since_shown(late, 1) == datetime(2026, 3, 2, tzinfo=ALMATY)


def test_no_case_is_an_empty_picture_and_no_error() -> None:
    assert deadlines_ahead({}, NOON).empty
    assert not deadlines_ahead({TODAY: 1}, NOON).empty


def test_stores_wait_until_each_has_stopped() -> None:
    case, _ = told(an_opened_case(), *restricted(["delivery"]))
    assert states(drawn(case)) == {
        "intake": "waits",
        "delivery": "stopped",
        "notifications": "waits",
        "privacy": "waits",
    }


def test_an_answer_that_the_case_does_not_have_yet_is_shown() -> None:
    case = an_opened_case()
    answer = Answer(case.case_id, case.subject_id, "intake", 0, {"at": NOON, "open_orders": [], "contact": None})
    assert states(drawn(case, [answer]))["intake"] == "stopped"
    case, _ = told(case, *restricted())
    receipt = {"collections": {"orders": counts(depersonalised=2, kept=1)}}
    answer = Answer(case.case_id, case.subject_id, "intake", 1, receipt)
    (intake, *others) = drawn(case, [answer]).nodes
    assert (intake.state, intake.erased, intake.key_destroyed) == ("erased", 2, False)
    assert {node.state for node in others} == {"stopped"}


def test_what_waits_for_an_order_and_what_is_left_over_are_told_apart() -> None:
    case, _ = told(an_opened_case(), *restricted(open_orders=(ORDER,)), *receipts(1, deferred=1, destroyed=2))
    delivery = drawn(case).nodes[1]
    assert (delivery.state, delivery.erased) == ("kept_for_order", 2)
    case, _ = told(an_opened_case(), *restricted(), *receipts(1, STORES[:3], residual=1))
    assert states(drawn(case))["delivery"] == "left"


def test_a_store_that_has_not_answered_the_round_under_way_is_not_done() -> None:
    case, _ = told(an_opened_case(), *restricted(), *receipts(1, destroyed=3))
    case, _ = told(case, TimeCame(), now=NOON + WAIT)
    case, _ = told(case, *receipts(2, ["intake"]), now=NOON + WAIT)
    assert states(drawn(case)) == {**dict.fromkeys(STORES, "stopped"), "intake": "erased"}


def test_erased_records_are_summed_over_the_rounds_and_destroyed_keys_shown() -> None:
    case, _ = told(an_opened_case(), *restricted(), *receipts(1, destroyed=3))
    case, _ = told(case, TimeCame(), now=NOON + WAIT)
    case, _ = told(case, *receipts(2, destroyed=1), now=NOON + WAIT)
    picture = drawn(case)
    assert states(picture) == dict.fromkeys(STORES, "erased")
    assert picture.nodes[1].erased == 4
    assert {node.store for node in picture.nodes if node.key_destroyed} == set(STORES) - {RULES.letter_reader}
