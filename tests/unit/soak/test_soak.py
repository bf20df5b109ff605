"""What the long run calls wrong."""

from dataclasses import replace

import pytest

from deploy.local.layout import SERVICES
from deploy.soak.faults import schedule
from deploy.soak.memory import EVERY_SECONDS, Growth, Memory
from deploy.soak.reconcile import Account
from deploy.soak.soak import Plan, Soaked, Struck

PLAN = Plan(seconds=1800, every=60, measuring=30, brokers=3, seed=7)
BROKERS = ("kafka-1", "kafka-2", "kafka-3")
GOOD = Soaked(
    PLAN,
    100.0,
    70.0,
    [Struck("kill -9 intake", 40, 3.0)],
    {"intake": Growth(100.0, 110.0, 900.0)},
    Account(10, 9, 1, 0, 9, 1, []),
    0,
)


def test_first_half_kills_and_the_second_spares_the_services() -> None:
    names = [fault.name for fault in schedule(28, BROKERS, seed=7)]
    first, second = names[:14], names[14:]
    assert {f"kill -9 {part}" for part in (*SERVICES, "mongod", *BROKERS)} == set(first)
    assert not [name for name in second if name.startswith("kill")]
    assert {f"{service} stands still for 15 s" for service in SERVICES} <= set(second)


def test_a_seed_is_an_order() -> None:
    names = [[fault.name for fault in schedule(20, BROKERS, seed)] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"account": replace(GOOD.account, wrong=["1 dead letters"])}, "1 dead letters"),
        ({"memory": {"intake": Growth(100.0, 130.0, 900.0)}}, "intake grew to 1.30 of its memory"),
        ({"struck": [Struck("kill -9 intake", 40, None)]}, "after 'kill -9 intake' the lag did not come down"),
        ({"last_lag": 3}, "a lag of 3"),
    ],
)
def test_each_promise_can_be_broken(change: dict[str, object], says: str) -> None:
    assert GOOD.wrong == []
    assert replace(GOOD, **change).wrong == [says]


def test_memory_is_judged_of_a_process_that_lived_long() -> None:
    assert replace(GOOD, memory={"intake": Growth(100.0, 200.0, 60.0)}).wrong == []


def test_growth_is_of_the_process_that_lived_longest() -> None:
    samples = {(service, 1): [50.0] * 10 for service in SERVICES} | {("intake", 2): [100.0] * 20 + [120.0] * 20}
    growth = Memory(None, samples).growth()["intake"]  # type: ignore[arg-type]
    assert growth == Growth(100.0, 120.0, 40 * EVERY_SECONDS)
    assert growth.ratio == pytest.approx(1.2)
