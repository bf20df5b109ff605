"""Every alert fires when it should and not before, says how grave it is, and leads to what to type."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.monitoring.declared import labels_by_sample
from tests.deploy.declared_metrics import unknown_in
from tests.deploy.promtool import needs_promtool, promtool

ROOT: Final = Path(__file__).parents[2]
MONITORING: Final = ROOT / "deploy" / "monitoring"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
RULES: Final[dict[str, dict[str, Any]]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}
TRIED: Final[dict[str, Any]] = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())
ALERTS: Final = sorted(RULES)
GREPPED: Final = re.compile(r"grep (?:-[a-zA-Z]+ )?'?([a-z_|]+)'?")
CODE: Final = "\n".join(path.read_text() for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py"))


def tried(alert: str, rule: dict[str, Any], folder: Path) -> bool:
    """Whether `rule` passes the alert's tests."""
    own = [test for test in TRIED["tests"] if test["name"].startswith(f"{alert}:")]
    (folder / "alerts.yaml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rule]}]}))
    (folder / "test.yaml").write_text(yaml.safe_dump({**TRIED, "tests": own}))
    return promtool("test", "rules", folder / "test.yaml")[0]


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    good, said = promtool("check", "rules", MONITORING / "alerts.yaml")
    assert good, said


@needs_promtool
@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_not_before(alert: str, tmp_path: Path) -> None:
    assert tried(alert, RULES[alert], tmp_path)


MUTANTS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "never": lambda rule: rule.update(expr="vector(1) > 2"),
    "later": lambda rule: rule.update({"for": "10d"}),
    "at once": lambda rule: rule.update({"for": "0m"}),
    "less grave": lambda rule: rule["labels"].update(severity="info"),
}


@needs_promtool
@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("how", sorted(MUTANTS))
def test_a_changed_alert_is_noticed(alert: str, how: str, tmp_path: Path) -> None:
    changed = copy.deepcopy(RULES[alert])
    MUTANTS[how](changed)
    if changed != RULES[alert]:
        assert not tried(alert, changed, tmp_path)


@needs_promtool
@pytest.mark.parametrize("alert", ["SealedOpeningDenied", "SealedMessagesPutAside", "SealedSignInsRefused"])
def test_without_its_offset_an_alert_misses_the_first_fault(alert: str, tmp_path: Path) -> None:
    naive = copy.deepcopy(RULES[alert])
    naive["expr"] = re.sub(r"\(sealed_\S+ unless .*\)\s+or ", "", naive["expr"])
    assert naive["expr"] != RULES[alert]["expr"]
    assert not tried(alert, naive, tmp_path)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tried_firing_and_not_firing(alert: str) -> None:
    expected = [one["exp_alerts"] for test in TRIED["tests"] for one in test["alert_rule_test"]
                if one["alertname"] == alert]  # fmt: skip
    assert any(expected)
    assert not all(expected)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_asks_for_metrics_and_labels_that_the_code_has(alert: str) -> None:
    assert list(unknown_in(RULES[alert]["expr"])) == []
    labels = set(re.findall(r"\$labels\.(\w+)", RULES[alert]["annotations"]["summary"]))
    assert all(label in RULES[alert]["expr"] for label in labels)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("sum(sealed_consumer_lags)", "sealed_consumer_lags"),
        ('sealed_consumer_lag{group="a"}', "sealed_consumer_lag{group}"),
        ("sum by (pod) (sealed_consumer_lag)", "by pod"),
        ("rate(sealed_batch_seconds[5m])", "sealed_batch_seconds"),
    ],
)
def test_a_metric_or_label_that_the_code_lacks_is_named(expression: str, named: str) -> None:
    assert list(unknown_in(expression)) == [named]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_its_runbook(alert: str) -> None:
    rule = RULES[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.fullmatch(r"\d+[mhd]", rule["for"])
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{alert}.md"
    page = (RUNBOOKS / f"{alert}.md").read_text()
    assert page.startswith(f"# {alert}\n")
    parts = ("**Meaning.**", "**Impact.**", "## Diagnosis", "## Remedy")
    places = [page.find(part) for part in parts]
    assert places == sorted(places)
    assert -1 not in places
    assert "kubectl" in page
    assert "Locally" in page
    assert "```sh" in page.split("## Diagnosis")[1].split("## Remedy")[0]


def test_no_runbook_is_of_an_alert_that_is_not_there() -> None:
    assert {path.stem for path in RUNBOOKS.glob("Sealed*.md")} == set(RULES)


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_names_log_lines_and_metrics_that_the_code_has(alert: str) -> None:
    page = (RUNBOOKS / f"{alert}.md").read_text()
    lines = {word for found in GREPPED.findall(page) for word in found.split("|") if "_" in word}
    assert [line for line in sorted(lines) if f'"{line}"' not in CODE] == []
    metrics = re.findall(r"sealed_\(([\w|]+)\)", page)
    names = [f"sealed_{name}" for group in metrics for name in group.split("|")]
    names += [name for name in re.findall(r"\b(sealed_[a-z_]+)\b", page) if name != "sealed_"]
    known = " ".join(labels_by_sample())
    assert [name for name in names if name not in known] == []
