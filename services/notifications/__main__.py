"""`python -m services.notifications`"""

from services.notifications.app import SERVICE, build
from services.notifications.settings import NotificationsSettings
from shared.http.server import serve
from shared.observability.logging import configure_logging
from shared.observability.tracing import exporting

settings = NotificationsSettings()
configure_logging(SERVICE, json=settings.log_format == "json")
with exporting(SERVICE, settings.collector):
    serve(build(settings), settings.host, settings.port, drain_seconds=settings.drain_seconds)
