# ruff: noqa: E501 (a query a line)
"""The two Grafana dashboards, a row a panel. Where each replica counts the same store, the maximum is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 24, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries`: PromQL → legend. `unit`: Grafana's name of it. `now`: the figures of this moment instead of a graph.
    `bad_from`: red from there; `bad_up_to`: red up to there."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    now: bool = False
    bad_from: float | None = None
    bad_up_to: float | None = None
    width: int = 8


OPERATIONS: Final = (
    Panel("Orders a second", {"sum by (outcome) (rate(sealed_orders_total[$__rate_interval]))": "{{outcome}}"}, "ops"),
    Panel(
        "Messages behind",
        {"sum by (service, topic) (sealed_consumer_lag)": "{{service}}: {{topic}}"},
        bad_from=10_000,
    ),
    Panel(
        "Oldest unpublished row",
        {"max by (service) (sealed_outbox_oldest_seconds)": "{{service}}"},
        "s",
        bad_from=60,
    ),
    Panel(
        "Messages a second",
        {"sum by (topic, outcome) (rate(sealed_messages_total[$__rate_interval]))": "{{topic}}: {{outcome}}"},
        "ops",
    ),
    Panel(
        "Batch time, median and one in twenty",
        {
            "histogram_quantile(0.5, sum by (topic, le) (rate(sealed_batch_seconds_bucket[$__rate_interval])))": "{{topic}}: median",
            "histogram_quantile(0.95, sum by (topic, le) (rate(sealed_batch_seconds_bucket[$__rate_interval])))": "{{topic}}: 95 %",
        },
        "s",
        bad_from=5,
    ),
    Panel(
        "Batches tried again",
        {"sum by (topic) (increase(sealed_batch_retries_total[$__rate_interval]))": "{{topic}}"},
    ),
    Panel(
        "Put aside in a day",
        {"sum by (topic, code) (increase(sealed_dead_letters_total[1d]))": "{{topic}}: {{code}}"},
        bad_from=1,
    ),
    Panel(
        "Outbox rows a second, by whom published",
        {"sum by (service, by) (rate(sealed_outbox_published_total[$__rate_interval]))": "{{service}}: {{by}}"},
        "ops",
    ),
    Panel(
        "Hand-overs to recipients",
        {
            "sum by (recipient, outcome) (increase(sealed_disclosures_total[$__rate_interval]))": "{{recipient}}: {{outcome}}"
        },
    ),
    Panel(
        "Messages to people",
        {
            "sum by (kind, channel, outcome) (increase(sealed_person_messages_total[$__rate_interval]))": "{{kind}} by {{channel}}: {{outcome}}"
        },
    ),
    Panel(
        "Oldest key in memory",
        {"max by (reader) (sealed_key_cache_oldest_seconds)": "{{reader}}"},
        "s",
        bad_from=65,
    ),
    Panel("Key-encryption keys alive", {"max by (reader) (sealed_kek_epochs_alive)": "{{reader}}"}, bad_from=2),
)

PRIVACY_OFFICER: Final = (
    Panel("Cases open", {"sum(max by (state) (sealed_cases_open))": "open"}, now=True, width=6),
    Panel(
        "Working days to the nearest deadline",
        {"min by (of) (sealed_deadline_working_days_left)": "{{of}}"},
        now=True,
        bad_up_to=3,
        width=6,
    ),
    Panel(
        "Applications waiting", {"max by (state) (sealed_applications_waiting)": "{{state}}"}, now=True, width=6
    ),
    Panel(
        "Cases that wait for a store over an hour",
        {"max by (store) (sealed_receipts_missing)": "{{store}}"},
        now=True,
        bad_from=1,
        width=6,
    ),
    Panel("Open cases by state", {"max by (state) (sealed_cases_open)": "{{state}}"}),
    Panel("Cases that entered a state in a day", {"sum by (state) (increase(sealed_cases_total[1d]))": "{{state}}"}),
    Panel(
        "Withdrawals and erasures not yet read by a store",
        {'sum by (service, topic) (sealed_consumer_lag{topic=~"erasure-.+|consents"})': "{{service}}: {{topic}}"},
    ),
    Panel(
        "Fields opened, for what",
        {
            'sum by (reader, purpose) (increase(sealed_envelopes_opened_total{outcome="opened"}[$__rate_interval]))': "{{reader}}: {{purpose}}"
        },
        width=12,
    ),
    Panel(
        "Not opened: denied, erased, cannot be decided",
        {
            'sum by (reader, purpose, outcome) (increase(sealed_envelopes_opened_total{outcome!="opened"}[$__rate_interval]))': "{{reader}}: {{purpose}}: {{outcome}}"
        },
        width=12,
    ),
    Panel(
        "Records that a final pass still found, in a day",
        {"sum by (store) (increase(sealed_residual_records_total[1d]))": "{{store}}"},
        bad_from=1,
    ),
    Panel(
        "Disclosed in a day",
        {
            'sum by (recipient) (increase(sealed_disclosures_total{outcome="sent"}[1d]))': "{{recipient}}",
            "sum by (recipient, answer) (increase(sealed_recipient_answers_total[1d]))": "{{recipient}}: {{answer}}",
        },
    ),
    Panel(
        "Sign-ins refused in an hour", {"sum by (door) (increase(sealed_sign_in_failures_total[1h]))": "{{door}}"}
    ),
)  # fmt: skip


def dashboards() -> Mapping[str, dict[str, Any]]:
    """File name without its ending → what Grafana imports."""
    return {
        "operations": _dashboard("Sealed Orders: operations", "sealed-orders-operations", OPERATIONS, "now-6h"),
        "privacy-officer": _dashboard(
            "Sealed Orders: privacy officer", "sealed-orders-privacy-officer", PRIVACY_OFFICER, "now-7d"
        ),
    }


def queries(name: str, rate_interval: str) -> list[str]:
    """PromQL of a dashboard, with the variable that Grafana fills in."""
    panels = dashboards()[name]["panels"]
    return [target["expr"].replace("$__rate_interval", rate_interval) for p in panels for target in p["targets"]]


def _dashboard(title: str, uid: str, panels: Sequence[Panel], since: str) -> dict[str, Any]:
    variable = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": uid,
        "title": title,
        "tags": ["sealed-orders"],
        "schemaVersion": 39,
        "timezone": "Asia/Almaty",
        "time": {"from": since, "to": "now"},
        "refresh": "30s",
        "templating": {"list": [variable]},
        "panels": _placed(panels),
    }


def _placed(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """From left to right, as many in a line as fit."""
    placed: list[dict[str, Any]] = []
    x = y = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y = 0, y + HEIGHT
        placed.append({"id": number, "gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHT}, **_drawn(panel)})
        x += panel.width
    return placed


def _drawn(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query, "legendFormat": legend}
        for number, (query, legend) in enumerate(panel.queries.items())
    ]
    return {
        "type": "stat" if panel.now else "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "thresholds": _thresholds(panel)}, "overrides": []},
    }


def _thresholds(panel: Panel) -> dict[str, Any]:
    """A colour holds from its value up to the next."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    if panel.bad_up_to is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.bad_up_to + 1}]
    return {"mode": "absolute", "steps": steps}
