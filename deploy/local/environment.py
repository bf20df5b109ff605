"""The environment of child processes, built from nothing: a secret of the launcher's never reaches them."""

import os
from collections.abc import Mapping

TRACES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_TRACES_SAMPLER_ARG")
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SEALED_POLICY", *TRACES)


def child_environment(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The few inherited variables, and the child's own."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", **(own or {})}
