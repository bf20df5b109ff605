"""How far a group is behind; a coordinator that does not know yet is not taken for one that has read nothing."""

from collections import namedtuple
from typing import Any

import pytest

from deploy.soak.lag import Lag
from shared.policy.load import load_policy

Offset = namedtuple("Offset", "offset")


class Cluster:
    """Every partition ends at 10; what each group has committed is as the test says."""

    def __init__(self, committed: int | None) -> None:
        self.committed = committed

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        self._partitions = partitions
        return dict.fromkeys(partitions, 10)

    async def list_consumer_group_offsets(self, group: str) -> dict[Any, Offset]:
        return {} if self.committed is None else {p: Offset(self.committed) for p in self._partitions}


def in_partitions(each: int) -> int:
    """Over all groups and their partitions."""
    topics = load_policy().topics.values()
    return each * sum(row.partitions * len(row.consumers) for row in topics if row.retention_days is not None)


@pytest.mark.parametrize(("committed", "each"), [(10, 0), (7, 3), (None, 10)])
async def test_lag_is_the_end_minus_what_was_committed(committed: int | None, each: int) -> None:
    cluster = Cluster(committed)
    assert await Lag(cluster, cluster, load_policy()).now() == in_partitions(each)


async def test_a_coordinator_that_has_just_started_says_nothing() -> None:
    cluster = Cluster(7)
    lag = Lag(cluster, cluster, load_policy())
    assert await lag.now() == in_partitions(3)
    cluster.committed = None
    assert await lag.now() is None
