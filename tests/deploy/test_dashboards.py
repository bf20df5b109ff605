"""Dashboards ask for what the code has, in words that Prometheus reads; what is generated has not drifted.

That a running service exposes what they ask for: tests/e2e/test_monitoring.py."""

import json
from pathlib import Path

import pytest
import yaml

from deploy.monitoring.dashboards import dashboards, queries
from deploy.monitoring.declared import declared
from deploy.monitoring.metrics_page import OF
from deploy.monitoring.write import drifted
from tests.deploy.declared_metrics import unknown_in
from tests.deploy.parts import of_kind
from tests.deploy.promtool import needs_promtool, promtool
from tests.deploy.render import K8S, objects, rendered

ALERTS = K8S.parent / "monitoring" / "alerts.yaml"
QUERIES = [(name, query) for name in dashboards() for query in queries(name, "5m")]


@pytest.mark.parametrize(("dashboard", "query"), QUERIES)
def test_a_query_asks_for_metrics_and_labels_that_the_code_has(dashboard: str, query: str) -> None:
    assert list(unknown_in(query)) == []


@needs_promtool
def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(QUERIES)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    good, said = promtool("check", "rules", tmp_path / "rules.yaml")
    assert good, said


@pytest.mark.parametrize("name", list(dashboards()))
def test_panels_do_not_overlap_and_have_their_own_numbers(name: str) -> None:
    panels = dashboards()[name]["panels"]
    places = {(p["gridPos"]["x"] + dx, p["gridPos"]["y"]) for p in panels for dx in range(p["gridPos"]["w"])}
    assert len(places) == sum(panel["gridPos"]["w"] for panel in panels)
    assert all(0 <= x < 24 for x, _ in places)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_component_brings_alerts_and_dashboards(tmp_path: Path) -> None:
    """Where Grafana's and Prometheus' operators look for them."""
    made = objects(rendered("base", ("monitoring",), tmp_path.resolve()))
    config = of_kind(made, "ConfigMap")["dashboards"]
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {name: json.loads(text) for name, text in config["data"].items()} == {
        f"{name}.json": board for name, board in dashboards().items()
    }
    (rules,) = of_kind(made, "PrometheusRule").values()
    assert rules["spec"]["groups"] == yaml.safe_load(ALERTS.read_text())["groups"]


def test_every_metric_is_on_a_dashboard() -> None:
    asked = " ".join(query for _, query in QUERIES)
    assert [one.name for one in declared() if not any(sample in asked for sample in one.samples)] == []


def test_services_of_the_list_are_of_metrics_that_are_there() -> None:
    assert set(OF) <= {one.name for one in declared()}


def test_nothing_generated_has_drifted() -> None:
    assert drifted() == []


def test_drift_is_noticed(tmp_path: Path) -> None:
    assert "docs/metrics.md" in drifted(tmp_path)
