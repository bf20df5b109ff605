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
        self._committed = committed

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        self._partitions = partitions
        return dict.fromkeys(partitions, 10)

    async def list_consumer_group_offsets(self, group: str) -> dict[Any, Offset]:
        return {} if self._committed is None else {p: Offset(self._committed) for p in self._partitions}


@pytest.mark.parametrize(("committed", "each"), [(10, 0), (7, 3)])
async def test_lag_is_the_end_minus_what_was_committed(committed: int, each: int) -> None:
    cluster, policy = Cluster(committed), load_policy()
    lag = Lag(cluster, cluster, policy)  # type: ignore[arg-type]
    read = sum(row.partitions * len(row.consumers) for row in policy.topics.values() if row.retention_days is not None)
    assert await lag.now() == each * read


async def test_a_coordinator_that_has_just_started_says_nothing() -> None:
    cluster = Cluster(None)
    assert await Lag(cluster, cluster, load_policy()).now() is None  # type: ignore[arg-type]
