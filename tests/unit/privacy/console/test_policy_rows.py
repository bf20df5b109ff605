from collections.abc import Callable
from typing import Any

import pytest

from services.privacy.console.policy_rows import Change, Passage, changes, passages, rows_of
from shared.policy.load import load_policy
from shared.policy.matrix import matrix
from tests.unit.policy.a_policy import Rows, a_policy

POLICY = load_policy()
BEFORE = rows_of(POLICY)


def test_rows_say_the_same_of_who_may_see_what_as_the_matrix() -> None:
    granted = {(row.field, row.reader, row.purpose) for row in matrix(POLICY) if row.allowed}
    rows = {
        (field, reader, purpose)
        for path, purposes in BEFORE.items()
        if path.startswith("fields.") and ".grants." in path
        for _, field, _, reader in [path.split(".")]
        for purpose in purposes.split(", ")
        if POLICY.fields[field].collected
    }
    assert rows == granted


def test_the_same_policy_has_no_difference() -> None:
    assert changes(BEFORE, rows_of(load_policy())) == ()


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            lambda rows: rows["fields"]["phone"]["grants"].pop("delivery"),
            ("fields.phone.grants.delivery", "3.2.3", None),
        ),
        (
            lambda rows: rows["fields"]["email"]["grants"].update(delivery=["3.2.3", "3.2.2"]),
            ("fields.email.grants.delivery", None, "3.2.3, 3.2.2"),
        ),
        (lambda rows: rows["periods"]["withdrawal"].update(number=10), ("periods.withdrawal.number", "15", "10")),
        (
            lambda rows: rows["stores"]["intake"]["collections"]["orders"].update(action="destroy"),
            ("stores.intake.collections.orders.action", "depersonalise", "destroy"),
        ),
        (
            lambda rows: rows["versions"][0].update(effective_from="2026-02-01"),
            ("versions.2026-01.effective_from", "2026-01-01", "2026-02-01"),
        ),
    ],
)
def test_a_changed_row_is_a_difference(edit: Callable[[Rows], Any], expected: tuple[Any, ...]) -> None:
    assert changes(BEFORE, rows_of(a_policy(edit))) == (Change(*expected),)


def test_who_may_see_what_comes_first() -> None:
    def edit(rows: Rows) -> None:
        rows["controller"]["site"] = "example.kz"
        rows["fields"]["phone"]["grants"]["delivery"] = ["3.2.2"]

    found = changes(BEFORE, rows_of(a_policy(edit)))
    assert [change.row for change in found] == ["fields.phone.grants.delivery", "controller.site"]


def test_texts_are_compared_word_by_word() -> None:
    assert passages("I agree to be called", "I agree to be written to") == (
        Passage("same", "I agree to be"),
        Passage("gone", "called"),
        Passage("new", "written to"),
    )
    assert passages("the same", "the same") == (Passage("same", "the same"),)
    assert passages("", "new") == (Passage("new", "new"),)
