"""`python -m services.notifications`"""

from services.notifications.app import SERVICE, build
from services.notifications.settings import NotificationsSettings
from shared.http.server import serve
from shared.observability.logging import configure_logging

settings = NotificationsSettings()
configure_logging(SERVICE, json=settings.log_format == "json")
serve(build(settings), settings.host, settings.port, drain_seconds=settings.drain_seconds)
