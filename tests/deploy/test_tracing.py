"""The component `tracing` tells each service of a collector, and no job; its planted defects: test_manifests.py."""

from pathlib import Path

from deploy.local.layout import SERVICES
from tests.deploy.parts import WORKLOADS, of_kind, variables
from tests.deploy.render import objects, rendered


def test_every_service_is_told_of_the_collector_and_no_job_is(tmp_path: Path) -> None:
    traced = objects(rendered("overlays/production", ("tracing",), tmp_path.resolve()))
    told = {
        name
        for name, one in of_kind(traced, *WORKLOADS).items()
        if "OTEL_EXPORTER_OTLP_ENDPOINT" in variables(one, traced)
    }
    assert told == set(SERVICES)
