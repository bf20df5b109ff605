"""What a number of people needs follows from what was measured, and the page from both."""

import json
from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from deploy.k8s_manifests.jobs import ROTATION_SECONDS
from deploy.k8s_manifests.workloads import STARTUP_SECONDS
from deploy.local.layout import ROOT, SERVICES
from deploy.sizing import arithmetic, measured
from deploy.sizing.arithmetic import Assumed, need
from deploy.sizing.commands import PAGE
from deploy.sizing.measured import Measured, Rates, Sample, Store
from deploy.sizing.page import duration, page, size
from shared.policy.load import load_policy

POLICY = load_policy()
KEPT_FOR_EVER = [name for name, row in POLICY.topics.items() if row.retention_days is None]


PARTS = (*SERVICES, "mongod", "kafka-1")


def sample(
    count: int, *, data: int = 0, index: int = 0, orders: int = 0, suppressions: int = 0, cpu: float = 0
) -> Sample:
    """Bytes of intake's database, of the topic of orders and of the suppressions; all else is empty."""
    stores = {name: Store(data=0, index=0) for name in POLICY.stores} | {"intake": Store(data=data, index=index)}
    topics = dict.fromkeys(POLICY.topics, 0) | {"orders": orders, "suppressions": suppressions}
    return Sample(count=count, stores=stores, topics=topics, cpu=dict.fromkeys(PARTS, cpu))


def a_measurement(**changed: Any) -> Measured:
    """A new person with an order: 1,000 bytes of documents, 500 of indexes, 200 in Kafka; a further order half of it;
    who leaves takes 300 bytes along and leaves 90 in the suppressions. An order takes 10 ms of each part."""
    known = {
        "taken_on": "2026-01-01", "cores": 2, "machine": "x86_64", "load": 1.0, "oplog": 4_000.0,
        "first": [sample(0, data=7), sample(10, data=10_007, index=5_000, orders=2_000, cpu=0.1),
                  sample(30, data=30_007, index=15_000, orders=6_000, cpu=0.3)],
        "again": [sample(0), sample(10, data=5_000, index=2_500, orders=2_000)],
        "leaving": [sample(0, data=3_000), sample(10, suppressions=900)],
        "idle": dict.fromkeys(PARTS, 0.01),
        "memory": dict.fromkeys(SERVICES, (100.0, 120.0)),
        "rates": Rates(accepted=100, settled=10, erased=5, rewrapped=1_000),
    }  # fmt: skip
    return Measured(**{**known, **changed})


ASSUMED = Assumed(people=1_000, orders_a_year=2, peak=10, leave=0.1, years=2)


def test_documents_are_those_of_first_orders_of_further_ones_and_less_of_who_left() -> None:
    # 1,000 first orders, 3,000 further ones, 200 who left.
    assert need(a_measurement(), POLICY, ASSUMED).documents == pytest.approx(1_000_000 + 3_000 * 500 - 200 * 300)


def test_what_kafka_keeps_for_ever_grows_with_who_left_and_the_rest_with_its_days() -> None:
    needed = need(a_measurement(), POLICY, ASSUMED)
    assert KEPT_FOR_EVER == ["suppressions"]
    assert needed.suppressions == pytest.approx(200 * 90)
    assert needed.kafka == pytest.approx(2_000 / 365 * 200 * (POLICY.topics["orders"].retention_days or 0))


def test_the_peak_decides_how_many_replicas_there_are_but_never_fewer_than_zones() -> None:
    few = need(a_measurement(), POLICY, ASSUMED)
    many = need(a_measurement(), POLICY, replace(ASSUMED, people=1_000_000_000))
    assert set(few.replicas.values()) == {arithmetic.ZONES}
    wanted = (many.peak_orders_a_second * 0.010 + 0.01) / arithmetic.SHARE_OF_A_CORE
    assert set(many.replicas.values()) == {ceil(wanted)}
    assert many.cores == {"mongod": pytest.approx(wanted), "kafka-1": pytest.approx(wanted)}


def test_a_rotation_takes_every_reader_s_key_of_everybody() -> None:
    assert need(a_measurement(), POLICY, ASSUMED).rotation_seconds == pytest.approx(1_000 * len(POLICY.readers) / 1_000)


def test_samples_off_the_line_are_told() -> None:
    bent = [sample(0), sample(10, data=10_000), sample(20, data=40_000)]
    assert measured.data(bent, "intake").off > 0.1
    assert measured.data(a_measurement().first, "intake").off < 0.001


def test_the_pace_of_a_replay_is_that_of_the_decision_on_it() -> None:
    assert arithmetic.REPLAYED_A_SECOND == 90_000 / 5
    assert (
        "90,000 entries of 30,000 people took 5 s"
        in (ROOT / "docs" / "decisions" / "0017-a-ledger-of-erasures-outside-mongodb.md").read_text()
    )


def test_the_operators_page_says_how_long_the_manifests_allow() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    assert STARTUP_SECONDS == 15 * 60
    assert "fifteen minutes are allowed for it" in operations
    assert f"after {ROTATION_SECONDS // 3_600} it is stopped" in operations
    assert f"--timeout={ROTATION_SECONDS // 3_600}h job/rotate-keys-now" in operations


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (999, "999 B"), (12_345, "12.3 KB"), (1.5e12, "1.5 TB")])
def test_a_size_is_said_in_three_figures(count: float, said: str) -> None:
    assert size(count) == said


def test_a_duration_is_said_in_seconds_or_minutes() -> None:
    assert (duration(7.54), duration(3_600)) == ("7.54 s", "60 min")


def test_an_estimate_needs_nothing_but_a_number_of_people() -> None:
    done = CliRunner().invoke(app, ["sizing", "estimate", "--people", "10000000", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["documents"] > 10_000_000 * 1_000


def test_the_page_is_that_of_the_figures_beside_it() -> None:
    assert PAGE.read_text() == page(measured.read(), POLICY)


def test_other_figures_make_another_page() -> None:
    assert page(a_measurement(oplog=4_001.0), POLICY) != page(a_measurement(), POLICY)
