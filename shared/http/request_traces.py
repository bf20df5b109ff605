"""Where a trace begins: FastAPI's own span of each request, named by its route.

A `traceparent` that comes with a request is not read (shared/observability/tracing.py): whoever may reach us could join
our traces to theirs, or have everything recorded. FastAPI's logs and metrics stay off, whatever the environment says:
they hold what exceptions say.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from fastapi.telemetry import TelemetryConfig

from shared.observability import tracing

OF_MACHINES: Final = frozenset({"/health/live", "/health/ready", "/metrics"})


def traces_of_requests() -> TelemetryConfig:
    provider = tracing.in_use()
    return {
        "tracing": provider is not None,
        "tracer_provider": provider,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": _of_a_machine,
    }


def _of_a_machine(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in OF_MACHINES
