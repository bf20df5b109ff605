"""Send what is due: open the contact for the message's purpose, word it, and give it to the mail server or the gateway.

Messages about one order by one channel go out one after the other, so nobody reads of a delivery before the order.
A message is leased to one sender, and has one id for its receiver however often it is tried: a crash between sending
and noting it makes the receiver see the same message again, not a second one. Keys are read anew for every batch, so
nobody is written to after an erasure.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from services.notifications.campaign_store import CampaignStore, Texts
from services.notifications.choice_store import Choice, ChoiceStore
from services.notifications.message_store import GivenUp, Later, Message, MessageStore, Outcome, Refused, Sent, place
from services.notifications.recipient_store import Recipient, RecipientStore
from services.notifications.wording import Wording
from shared.contracts.views import NotificationsView
from shared.mail.sms_gateway import SmsGateway, SmsGatewayAway, SmsNotAccepted
from shared.mail.smtp import Mailer, MailNotAccepted, MailServerAway
from shared.observability.metrics import PERSON_MESSAGES
from shared.observability.tracing import span
from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.opener import Opener, PurposeRefused, Sealed, SubjectErased, SubjectUnknown

AT_ONCE = 20
SEND_SECONDS = 15.0  # for all that was taken at once; shorter than a lease
GIVE_UP_AFTER_ATTEMPTS = 12
LONGEST_DELAY_SECONDS = 300.0
PROMOTIONS = "3.2.8"
REASONS: dict[type[Exception], str] = {
    PurposeRefused: "purpose-not-granted",
    SubjectErased: "subject-erased",
    SubjectUnknown: "subject-unknown",
    EnvelopeNotAuthentic: "envelope-not-authentic",
    KekUnavailable: "key-epoch-gone",
}
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NotNow:
    """A passing fault, before it is decided whether to try again."""

    reason: str


Attempt = Sent | Refused | NotNow
Contact = NotificationsView | Refused | NotNow
AFTER_AN_EARLIER_ONE: Final = NotNow("an-earlier-message-first")


@dataclass(frozen=True, slots=True)
class MessageSender:
    messages: MessageStore
    recipients: RecipientStore
    choices: ChoiceStore
    campaigns: CampaignStore
    opener: Opener
    wording: Wording
    mailer: Mailer
    sms: SmsGateway

    async def send_due(self, now: datetime) -> bool:
        """Try some of the messages due longest. Returns whether there may be more."""
        batch, more = await self.messages.take_due(now, AT_ONCE)
        if not batch:
            return more
        campaigns = await self.campaigns.texts_of({message.campaign for message in batch if message.campaign})
        contacts = await self._contacts(batch)
        contacts |= dict.fromkeys(await self.messages.lines_held_up(batch), AFTER_AN_EARLIER_ONE)
        lines: defaultdict[str, list[Message]] = defaultdict(list)
        for message in sorted(batch, key=place):
            lines[message.line].append(message)
        until = asyncio.get_running_loop().time() + SEND_SECONDS
        tried = await asyncio.gather(*(self._try_line(line, contacts, campaigns, until) for line in lines.values()))
        attempts = {message_id: attempt for line in tried for message_id, attempt in line.items()}
        outcomes = {
            message.message_id: settled(attempts[message.message_id], message.attempts, now) for message in batch
        }
        await self.messages.settle(outcomes, now)
        _note(batch, outcomes)
        return more

    async def _contacts(self, batch: Sequence[Message]) -> dict[str, Contact]:
        """For each message whom to write to, or why not. One look-up a purpose."""
        recipients = await self.recipients.of_orders({message.order_id for message in batch})
        choices = await self.choices.of({message.subject_id for message in batch if message.subject_id})
        contacts: dict[str, Contact] = {}
        to_open: defaultdict[str, list[tuple[str, Sealed]]] = defaultdict(list)
        for message in batch:
            choice = choices.get(message.subject_id or "", Choice())
            match may_send(message, recipients.get(message.order_id), choice):
                case Sealed() as sealed:
                    to_open[message.purpose].append((message.message_id, sealed))
                case refusal:
                    contacts[message.message_id] = refusal
        for purpose, items in to_open.items():
            opened = await self._open([sealed for _, sealed in items], purpose)
            for (message_id, _), fields in zip(items, opened, strict=True):
                contacts[message_id] = _contact(fields)
        return contacts

    async def _open(self, many: list[Sealed], purpose: str) -> list[dict[str, Any] | Exception]:
        try:
            return await self.opener.open_many(many, purpose=purpose, fresh=True)
        except PurposeRefused as refusal:
            return [refusal] * len(many)

    async def _try_line(
        self, line: Sequence[Message], contacts: Mapping[str, Contact], campaigns: dict[str, Texts], until: float
    ) -> dict[str, Attempt]:
        """One after the other; behind one that has to wait, the rest wait too."""
        attempts: dict[str, Attempt] = {}
        for message in line:
            contact = AFTER_AN_EARLIER_ONE if NotNow in map(type, attempts.values()) else contacts[message.message_id]
            attempts[message.message_id] = await self._try(message, contact, campaigns, until)
        return attempts

    async def _try(self, message: Message, contact: Contact, campaigns: dict[str, Texts], until: float) -> Attempt:
        if not isinstance(contact, NotificationsView):
            return contact
        known = {"sealed.channel": message.channel, "sealed.purpose": message.purpose}
        try:
            with span(
                f"send {message.kind}", of=message.traceparent, kind=SpanKind.CLIENT, attributes=known
            ) as sending:
                async with asyncio.timeout_at(until):
                    attempt = await self._send(message, contact, campaigns)
                sending.set_attribute("sealed.outcome", type(attempt).__name__.lower())
                return attempt
        except (MailServerAway, SmsGatewayAway, TimeoutError) as fault:
            return NotNow(f"{message.channel}: {type(fault).__name__}")
        except (MailNotAccepted, SmsNotAccepted) as refusal:
            return Refused(f"{message.channel}: refused with {refusal.code}")
        except Exception as error:  # a bug in one message must not hold up the others
            log.error("message_failed", message_id=message.message_id, kind=message.kind, exc_info=error)
            return NotNow("failed")

    async def _send(self, message: Message, person: NotificationsView, campaigns: dict[str, Texts]) -> Attempt:
        if message.channel == "sms":
            return await self._send_sms(message, person)
        return await self._send_email(message, person, campaigns.get(message.campaign or ""))

    async def _send_email(self, message: Message, person: NotificationsView, campaign: Texts | None) -> Attempt:
        if person.email is None:
            return Refused("no-email")
        subject, body = self.wording.email(message, person, campaign)
        await self.mailer.send(message_id=message.message_id, to=person.email, subject=subject, body=body)
        return Sent()

    async def _send_sms(self, message: Message, person: NotificationsView) -> Attempt:
        if person.phone is None:
            return Refused("no-phone")
        text = self.wording.sms(message, person)
        return Sent(await self.sms.send(message_id=message.message_id, to=person.phone, text=text))


def may_send(message: Message, recipient: Recipient | None, choice: Choice) -> Sealed | Refused | NotNow:
    """The contact to open, or why nothing is sent: to the erased and the restricted nothing, of promotions nothing
    without a live consent (clause 3.2.8)."""
    if message.subject_id is None:
        return Refused("subject-erased")
    if choice.restricted or (recipient is not None and recipient.restricted):
        return Refused("subject-restricted")
    if message.purpose == PROMOTIONS and not choice.promotions:
        return Refused("no-promotions-consent")
    if recipient is None:
        return NotNow("order-not-known-yet")
    if recipient.subject_id != message.subject_id:
        return Refused("subject-differs")
    return recipient.sealed or Refused("no-envelope")


def settled(attempt: Attempt, attempts: int, now: datetime) -> Outcome:
    """What an attempt means for its message: a passing fault is tried again, with back-off, so many times."""
    match attempt:
        case NotNow(reason) if attempts >= GIVE_UP_AFTER_ATTEMPTS:
            return GivenUp(reason)
        case NotNow(reason):
            delay = min(LONGEST_DELAY_SECONDS, 2.0**attempts) * (0.5 + random.random() / 2)
            return Later(reason, now + timedelta(seconds=delay))
        case outcome:
            return outcome


def _contact(opened: dict[str, Any] | Exception) -> NotificationsView | Refused:
    if isinstance(opened, Exception):
        return Refused(REASONS.get(type(opened), "not-readable"))
    try:
        return NotificationsView.model_validate(opened)
    except ValidationError:
        return Refused("not-readable")


def _note(batch: Sequence[Message], outcomes: dict[str, Outcome]) -> None:
    """Counts only."""
    states: Counter[str] = Counter()
    for message in batch:
        state = outcomes[message.message_id].STATE
        states[state] += 1
        if state != "due":
            PERSON_MESSAGES.labels(message.kind, message.channel, state).inc()
    log.info("messages_tried", counts=dict(states), total=len(batch))
