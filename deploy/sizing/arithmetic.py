"""From what was measured to what a number of people needs: every step is a line here, as the page says it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from deploy.local.layout import SERVICES
from deploy.sizing.measured import Line, Measured, Sample, cpu, data, index, topic
from shared.policy.model import Policy

Fitted = Callable[[Sequence[Sample], str], Line]

DAYS: Final = 365
DAY_SECONDS: Final = 86_400
# Of docs/decisions/0017: 90,000 entries in 5 s.
REPLAYED_A_SECOND: Final = 18_000
ENTRIES_A_PERSON: Final = 3
SHARE_OF_A_CORE: Final = 0.5  # the rest is for catching up, and for a replica that is away
ZONES: Final = 3
ROOM: Final = 1.5  # of the disk: compaction, a second copy while an index is built, growth until it is noticed


@dataclass(frozen=True, slots=True)
class Assumed:
    """What no measurement gives: an operator's own numbers. `peak`: the busiest second against the mean one. `leave`:
    share of the people who withdraw in a year. `years`: for how long orders have been kept."""

    people: int
    orders_a_year: float = 4.0
    peak: float = 20.0
    leave: float = 0.02
    years: float = 3.0


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes are of one copy: of a member of the replica set, of a broker that holds all partitions."""

    orders_a_second: float
    peak_orders_a_second: float
    erasures_a_day: float
    documents: float
    indexes: float
    oplog_a_day: float
    kafka: float
    suppressions: float
    replicas: Mapping[str, int]
    cores: Mapping[str, float]
    rotation_seconds: float
    start_seconds: float

    @property
    def mongodb_disk(self) -> float:
        return (self.documents + self.indexes) * ROOM

    @property
    def kafka_disk(self) -> float:
        return (self.kafka + self.suppressions) * ROOM


def need(measured: Measured, policy: Policy, assumed: Assumed) -> Need:
    orders = assumed.people * assumed.orders_a_year * assumed.years
    gone = assumed.people * assumed.leave * assumed.years
    a_second = assumed.people * assumed.orders_a_year / DAYS / DAY_SECONDS
    a_day = a_second * DAY_SECONDS
    leave_a_day = assumed.people * assumed.leave / DAYS
    further = max(0.0, orders - assumed.people)
    stores = policy.stores
    busy = {part: _busy(measured, part, a_second * assumed.peak, leave_a_day / DAY_SECONDS) for part in measured.idle}
    return Need(
        orders_a_second=a_second,
        peak_orders_a_second=a_second * assumed.peak,
        erasures_a_day=leave_a_day,
        documents=sum(_bytes(measured, name, assumed.people, further, gone, data) for name in stores),
        indexes=sum(_bytes(measured, name, assumed.people, further, gone, index) for name in stores),
        oplog_a_day=measured.oplog * a_day,
        kafka=sum(
            (topic(measured.first, name).each * a_day + topic(measured.leaving, name).each * leave_a_day) * kept
            for name, row in policy.topics.items()
            if (kept := row.retention_days) is not None
        ),
        suppressions=sum(
            topic(measured.leaving, name).each * gone
            for name, row in policy.topics.items()
            if row.retention_days is None
        ),
        replicas={name: max(ZONES, ceil(busy[name] / SHARE_OF_A_CORE)) for name in SERVICES},
        cores={part: seconds / SHARE_OF_A_CORE for part, seconds in busy.items() if part not in SERVICES},
        rotation_seconds=assumed.people * len(policy.readers) / measured.rates.rewrapped,
        start_seconds=gone * ENTRIES_A_PERSON / REPLAYED_A_SECOND,
    )


def _bytes(measured: Measured, store: str, people: float, further: float, gone: float, of: Fitted) -> float:
    """Each person's first order, every further one, and what a withdrawal leaves and takes."""
    return (
        of(measured.first, store).each * people
        + of(measured.again, store).each * further
        + of(measured.leaving, store).each * gone
    )


def _busy(measured: Measured, part: str, orders_a_second: float, erasures_a_second: float) -> float:
    """Cores that it keeps busy. Erasures come at their mean: they have fifteen working days."""
    order, erasure = (cpu(samples, part).each for samples in (measured.first, measured.leaving))
    return order * orders_a_second + erasure * erasures_a_second + measured.idle[part]
