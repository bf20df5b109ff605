"""Who withdrew on the pages is told how far the case has come; of other cases nobody is."""

from itertools import pairwise
from typing import Any

import pytest

from services.privacy.case import Case
from services.privacy.case_progress import followed, progress_of
from services.privacy.erase_subject import running_cases
from shared.contracts.cases import CaseMoved
from tests.builders import NOON
from tests.unit.privacy.a_case import ORDER, RULES, a_case, an_opened_case, receipts, restricted, settled, told

WITHDRAWAL, OTHER = "77" * 16, "88" * 16


def a_followed_case(**changes: Any) -> Case:
    return a_case(case_id=WITHDRAWAL, channel="web", withdrawals=(WITHDRAWAL,), **changes)


def told_of(*steps: tuple[Case | None, Case]) -> list[CaseMoved]:
    events = [outgoing.event for outgoing in progress_of(steps, NOON)]
    assert all(isinstance(event, CaseMoved) for event in events)
    return [event for event in events if isinstance(event, CaseMoved)]


@pytest.mark.parametrize(
    ("channel", "scope", "withdrawals"),
    [("web", "all", (WITHDRAWAL,)), ("web", "promotions", ()), ("shop", "all", ()), ("mailbox", "all", ())],
)
def test_a_case_is_followed_where_everything_was_withdrawn_on_the_pages(
    channel: str, scope: Any, withdrawals: tuple[str, ...]
) -> None:
    assert followed(channel, scope, WITHDRAWAL) == withdrawals


def test_its_state_and_its_open_orders_are_told_and_whose_it_is_by_ids_alone() -> None:
    case = a_followed_case()
    waiting, _ = told(case, *restricted(open_orders=(ORDER,)))
    (event,) = told_of((case, waiting))
    assert (event.case_id, event.withdrawals, event.subject_id) == (WITHDRAWAL, (WITHDRAWAL,), case.subject_id)
    assert (event.state, event.open_orders, event.deadline) == ("erasing", 1, case.deadline)


def test_a_later_event_has_a_greater_step() -> None:
    steps = [a_followed_case()]
    for facts in (restricted(open_orders=(ORDER,)), receipts(1), [settled()]):
        steps.append(told(steps[-1], *facts)[0])
    events = [event for before, after in pairwise(steps) for event in told_of((before, after))]
    assert [event.state for event in events] == ["erasing", "deferred", "erasing"]
    assert [event.step for event in events] == sorted({event.step for event in events})


def test_what_shows_no_difference_is_not_told() -> None:
    case = a_followed_case()
    one_stopped, _ = told(case, *restricted(["intake"]))
    assert told_of((case, one_stopped)) == []


def test_nobody_is_told_of_a_case_that_nobody_follows() -> None:
    case = an_opened_case()
    assert told_of((None, case), (case, told(case, *restricted())[0])) == []


def test_a_withdrawal_on_the_pages_joins_the_case_that_runs_and_is_followed_there() -> None:
    running, wanted = an_opened_case(), a_followed_case()
    chosen, changes = running_cases([wanted, wanted], {running.subject_id: [running]}, NOON, RULES)
    assert chosen[running.subject_id].case_id == running.case_id
    ((before, after, effects),) = changes
    assert (before, effects) == (running, ())
    (event,) = told_of((before, after))
    assert (event.case_id, event.withdrawals) == (running.case_id, (WITHDRAWAL,))


def test_two_withdrawals_at_once_open_one_case_that_both_follow() -> None:
    other = a_followed_case().model_copy(update={"case_id": OTHER, "withdrawals": (OTHER,)})
    _, ((before, after, effects),) = running_cases([a_followed_case(), other], {"5b" * 16: []}, NOON, RULES)
    assert before is None
    assert after.withdrawals == (WITHDRAWAL, OTHER)
    assert effects


def test_a_withdrawal_that_is_read_again_changes_nothing() -> None:
    running = told(a_followed_case(), *restricted())[0]
    _, changes = running_cases([a_followed_case()], {running.subject_id: [running]}, NOON, RULES)
    assert changes == []
