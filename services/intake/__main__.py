"""`python -m services.intake`"""

from services.intake.app import SERVICE, build
from services.intake.settings import IntakeSettings
from shared.http.server import serve
from shared.observability.logging import configure_logging
from shared.observability.tracing import exporting

settings = IntakeSettings()
configure_logging(SERVICE, json=settings.log_format == "json")
with exporting(SERVICE, settings.collector):
    serve(build(settings), settings.host, settings.port, drain_seconds=settings.drain_seconds)
