"""Whatever is lost, doubled or left behind is seen in the account."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from deploy.soak.reconcile import Seen, account

ACCEPTED = {f"order-{n}": f"soak-{n}@example.kz" for n in range(10)}
LEAVING = {"order-0", "order-5"}
STAYING = ACCEPTED.keys() - LEAVING
SEEN = Seen(STAYING, Counter(ACCEPTED.values()), fenced=2, half_fenced=0, dead=0, certificates=2)


def test_all_is_accounted_for() -> None:
    found = account(ACCEPTED, LEAVING, SEEN)
    assert found.wrong == []
    assert (found.accepted, found.views, found.fenced, found.dead) == (10, 8, 2, 0)


def test_who_was_erased_before_the_confirmation_is_sent_none() -> None:
    confirmed = SEEN.confirmed - Counter([ACCEPTED["order-0"]])
    assert account(ACCEPTED, LEAVING, replace(SEEN, confirmed=confirmed)).wrong == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"views": STAYING - {"order-1"}}, {"orders accepted that delivery", "orders unaccounted for"}),
        ({"views": STAYING | {"nobody's"}}, {"views of orders that intake", "orders unaccounted for"}),
        ({"views": STAYING | {"order-5"}}, {"views of people who were erased", "orders unaccounted for"}),
        ({"dead": 1}, {"dead letters", "orders unaccounted for"}),
        ({"confirmed": SEEN.confirmed - Counter([ACCEPTED["order-1"]])}, {"people who were not sent"}),
        ({"confirmed": SEEN.confirmed + Counter([ACCEPTED["order-1"]])}, {"people who were sent it twice"}),
        ({"fenced": 1}, {"withdrawals without an erasure", "orders unaccounted for"}),
        ({"certificates": 1}, {"withdrawals without a certificate"}),
        ({"half_fenced": 1}, {"erased people who have a key"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_loss_is_seen(change: dict[str, Any], says: set[str]) -> None:
    wrong = account(ACCEPTED, LEAVING, replace(SEEN, **change)).wrong
    assert len(wrong) == len(says)
    assert all(any(start in line for line in wrong) for start in says)
