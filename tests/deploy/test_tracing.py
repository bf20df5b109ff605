"""The component `tracing` tells each service of a collector and lets it reach that, and a planted defect is caught."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy import checks
from tests.deploy.checks import CHECKS
from tests.deploy.parts import container, of_kind, variables
from tests.deploy.render import Manifest, objects, rendered

Check = Callable[[list[Manifest]], Any]
SERVICES = ("intake", "delivery", "notifications", "privacy")


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    folder = tmp_path_factory.mktemp("traced").resolve()
    return objects(rendered("overlays/production", ("tracing",), folder))


def test_production_with_traces_keeps_every_rule(traced: list[Manifest]) -> None:
    assert {check.__name__: faults for check in CHECKS if (faults := list(check(traced)))} == {}


def test_every_service_is_told_of_the_collector_and_no_job_is(traced: list[Manifest]) -> None:
    told = {
        name
        for name, one in of_kind(traced, "Deployment", "Job", "CronJob").items()
        if "OTEL_EXPORTER_OTLP_ENDPOINT" in variables(one, traced)
    }
    assert told == set(SERVICES)


def settings(made: list[Manifest]) -> Any:
    return of_kind(made, "ConfigMap")["tracing"]["data"]


def egress(made: list[Manifest]) -> Any:
    return of_kind(made, "NetworkPolicy")["tracing"]["spec"]["egress"][0]


DEFECTS: list[tuple[str, Check, Callable[[list[Manifest]], Any]]] = [
    (
        "a collector out of reach",
        checks.each_pod_reaches_what_it_is_told_of,
        lambda m: m.remove(of_kind(m, "NetworkPolicy")["tracing"]),
    ),
    (
        "another port than the collector's",
        checks.each_pod_reaches_what_it_is_told_of,
        lambda m: egress(m)["ports"][0].update(port=4317),
    ),
    (
        "all pods beside the collector in reach",
        checks.each_pod_reaches_what_it_is_told_of,
        lambda m: egress(m)["to"][0].pop("podSelector"),
    ),
    (
        "a job that may reach it",
        checks.each_pod_reaches_what_it_is_told_of,
        lambda m: of_kind(m, "NetworkPolicy")["tracing"]["spec"]["podSelector"].pop("matchExpressions"),
    ),
    (
        "a service that may reach it and is not told",
        checks.each_pod_reaches_what_it_is_told_of,
        lambda m: container(of_kind(m, "Deployment")["delivery"])["envFrom"].pop(),
    ),
    (
        "a setting mistyped",
        checks.settings_are_read,
        lambda m: settings(m).update(OTEL_TRACES_SAMPLER="always_on"),
    ),
    (
        "a share that is none",
        checks.settings_are_read,
        lambda m: settings(m).update(OTEL_TRACES_SAMPLER_ARG="10"),
    ),
]


@pytest.mark.parametrize(("check", "plant"), [row[1:] for row in DEFECTS], ids=[row[0] for row in DEFECTS])
def test_a_planted_defect_is_caught(
    check: Check, plant: Callable[[list[Manifest]], Any], traced: list[Manifest]
) -> None:
    assert list(check(traced)) == []
    made = copy.deepcopy(traced)
    plant(made)
    assert list(check(made)) != []
