"""Metrics as the code declares them: what docs/metrics.md lists, and what rules and dashboards may ask for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from shared.observability import metrics

SUFFIXES: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@dataclass(frozen=True, slots=True)
class Declared:
    """`name`: as it is exposed, of a histogram without its suffixes."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    samples: tuple[str, ...]


def declared() -> Iterator[Declared]:
    """In the order of shared/observability/metrics.py."""
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            samples = tuple(family.name + suffix for suffix in SUFFIXES[family.type])
            name = samples[0] if family.type == "counter" else family.name
            yield Declared(name, family.type, tuple(metric._labelnames), family.documentation, samples)


def labels_by_sample() -> Mapping[str, frozenset[str]]:
    """Name of a sample → its labels."""
    return {
        sample: frozenset(one.labels) | ({"le"} if sample.endswith("_bucket") else set())
        for one in declared()
        for sample in one.samples
    }
