"""Word a message in the person's language: Kazakh unless another was chosen. No address, number or content of the order
goes into a text."""

from dataclasses import dataclass

from jinja2 import Environment

from services.notifications.campaign_store import Texts
from services.notifications.message_store import Message
from shared.contracts.views import NotificationsView
from shared.policy.rows import Controller

DEFAULT_LANGUAGE = "kk"
SHORT_NUMBER = 8


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates `<kind>.<channel>.<language>.txt`; the first line of an e-mail's is its subject."""

    templates: Environment
    controller: Controller

    def email(self, message: Message, person: NotificationsView, campaign: Texts | None = None) -> tuple[str, str]:
        """Subject and body."""
        subject, _, body = self._render(message, person, campaign).partition("\n")
        return subject, body.lstrip("\n")

    def sms(self, message: Message, person: NotificationsView) -> str:
        return self._render(message, person, None).strip()

    def _render(self, message: Message, person: NotificationsView, campaign: Texts | None) -> str:
        language = person.language or DEFAULT_LANGUAGE
        template = self.templates.get_template(f"{message.kind}.{message.channel}.{language}.txt")
        return template.render(
            given_name=person.given_name,
            order_id=message.order_id,
            order_number=message.order_id[:SHORT_NUMBER].upper(),
            campaign=campaign[language] if campaign else None,
            controller=self.controller,
        )
