"""What was measured, as docs/sizing.json keeps it: bytes of every store and topic after so many orders, and rates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Final

from pydantic import BaseModel, ConfigDict

from deploy.local.layout import ROOT

FILE: Final = ROOT / "docs" / "sizing.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Store(_Frozen):
    """Bytes of one database: documents as MongoDB counts them before compression, and its indexes on the disk."""

    data: int
    index: int


class Sample(_Frozen):
    """`count`: orders, or people who left, so far. `topics`: bytes of each topic's log, of one copy. `cpu`: seconds of
    processor time that each service and server has taken so far, without what it takes when nothing is asked of it."""

    count: int
    stores: Mapping[str, Store]
    topics: Mapping[str, int]
    cpu: Mapping[str, float]


class Rates(_Frozen):
    """A second of the clock, everything on one machine. `accepted`: orders answered by intake; `settled`: orders to the
    last message sent, parcel handed over and delivered; `erased`: people, from the request to the certificate;
    `rewrapped`: keys in a rotation, without its waits for the caches."""

    accepted: float
    settled: float
    erased: float
    rewrapped: float


class Measured(_Frozen):
    """`first`: each order by somebody new. `again`: further orders of people who are known. `leaving`: people whose
    parcel was delivered withdraw. `oplog`: bytes of MongoDB's oplog for one order. `memory`: service → resident MiB,
    idle and after everything. `idle`: seconds of processor time a second, when nothing is asked."""

    taken_on: str
    cores: int
    machine: str
    load: float
    first: Sequence[Sample]
    again: Sequence[Sample]
    leaving: Sequence[Sample]
    oplog: float
    memory: Mapping[str, tuple[float, float]]
    idle: Mapping[str, float]
    rates: Rates


class Line(_Frozen):
    """Bytes, or seconds, for each further one. `off`: how far the farthest sample is from the line, of all that was
    added."""

    each: float
    off: float


def line(samples: Sequence[Sample], sizes: Sequence[float]) -> Line:
    counts = [sample.count for sample in samples]
    fitted = linear_regression(counts, sizes)
    apart = max(abs(fitted.intercept + fitted.slope * n - size) for n, size in zip(counts, sizes, strict=True))
    return Line(each=fitted.slope, off=apart / (abs(sizes[-1] - sizes[0]) or 1))


def data(samples: Sequence[Sample], store: str) -> Line:
    return line(samples, [sample.stores[store].data for sample in samples])


def index(samples: Sequence[Sample], store: str) -> Line:
    return line(samples, [sample.stores[store].index for sample in samples])


def topic(samples: Sequence[Sample], name: str) -> Line:
    return line(samples, [sample.topics[name] for sample in samples])


def cpu(samples: Sequence[Sample], part: str) -> Line:
    return line(samples, [sample.cpu[part] for sample in samples])


def read(path: Path = FILE) -> Measured:
    return Measured.model_validate_json(path.read_text())
