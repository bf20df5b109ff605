"""`python -m services.privacy`"""

from services.privacy.app import SERVICE, build
from services.privacy.settings import PrivacySettings
from shared.http.server import serve
from shared.observability.logging import configure_logging
from shared.observability.tracing import exporting

settings = PrivacySettings()
configure_logging(SERVICE, json=settings.log_format == "json")
with exporting(SERVICE, settings.collector):
    serve(build(settings), settings.host, settings.port, drain_seconds=settings.drain_seconds)
