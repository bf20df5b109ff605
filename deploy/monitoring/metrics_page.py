"""docs/metrics.md: every metric, what it means and which service exposes it.

Which service does is held against running ones by tests/e2e/test_monitoring.py."""

from typing import Final

from deploy.monitoring.declared import Declared, declared

ALL: Final = ("intake", "delivery", "notifications", "privacy")
OF: Final = {
    "sealed_kek_epochs_alive": ("privacy",),
    "sealed_cases_total": ("privacy",),
    "sealed_cases_open": ("privacy",),
    "sealed_deadline_working_days_left": ("privacy",),
    "sealed_receipts_missing": ("privacy",),
    "sealed_applications_waiting": ("privacy",),
    "sealed_disclosures_total": ("delivery",),
    "sealed_recipient_answers_total": ("delivery",),
    "sealed_person_messages_total": ("notifications",),
    "sealed_orders_total": ("intake",),
    "sealed_sign_in_failures_total": ("intake", "privacy"),
}
HEAD: Final = """\
<!-- Written by `make manifests` from shared/observability/metrics.py; `make check` compares. -->
# Metrics

Every service exposes these at `/metrics`, in Prometheus' text format, beside Python's own (`process_…`, `python_…`).
No label is ever a person, an id or anything that somebody typed: labels are names of readers, purposes, topics, stores,
states and codes, all of them from the policy or the code, so there are a few hundred series a replica and no more.

Counters whose labels the code knows beforehand begin at 0 with the process, others when they first count. Counters and
lag are a replica's own: sum over replicas. Figures counted from the store (cases, deadlines, receipts, applications) or
asked of the key provider (epochs) are the same in every replica: take the maximum, or for deadlines the minimum.

| Metric | Type | Labels | Meaning | Exposed by |
|---|---|---|---|---|
"""


def exposed_by(metric: Declared) -> tuple[str, ...]:
    """Services, once each has done what it is for."""
    return OF.get(metric.name, ALL)


def page() -> str:
    return HEAD + "".join(_row(metric) for metric in declared())


def _row(metric: Declared) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
    services = exposed_by(metric)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} | {_named(services)} |\n"


def _named(services: tuple[str, ...]) -> str:
    return "all four" if services == ALL else ", ".join(services)
