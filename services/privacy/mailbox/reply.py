"""Send the replies to written applications, in the writer's language, into the thread they began (RFC 5322 3.6.4).

Whom to answer is read from the mail itself, at the mail server, just before; nothing of it is kept. A reply goes to the
address the mail came from and never to another one it names, has one Message-ID however often it is tried, says that a
program sent it (RFC 3834), and repeats nothing the writer said.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from jinja2 import Environment

from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.imap_mailbox import Fetched, MailboxAway
from services.privacy.mailbox.read_mail import Mail, read_mail
from services.privacy.mailbox.reply_store import Reply, ReplyStore, message_id_of
from shared.mail.smtp import Mailer, MailNotAccepted, MailServerAway
from shared.policy.rows import Controller
from shared.policy.working_days import ALMATY, deadline

GIVE_UP_AFTER_ATTEMPTS: Final = 12
LONGEST_PAUSE: Final = timedelta(seconds=300)
MOST_REFERENCES: Final = 10
log = structlog.get_logger()


class MailGone(Exception):
    """The mail is not where it was: deleted, or numbered anew and soon taken in again."""


class Readable(Protocol):
    async def read(self, validity: int, uid: int) -> Fetched | None: ...


@dataclass(frozen=True, slots=True)
class ReplySender:
    """`days`: working days in which an application is answered."""

    mailbox: Readable
    applications: ApplicationStore
    replies: ReplyStore
    mailer: Mailer
    templates: Environment
    controller: Controller
    days: int

    async def send_due(self, now: datetime) -> bool:
        """The reply due longest. Whether there was one."""
        reply = await self.replies.take_due(now)
        if reply is None:
            return False
        try:
            outcome = await self._send(reply)
        except (MailboxAway, MailServerAway, MailGone) as fault:
            if reply.attempts < GIVE_UP_AFTER_ATTEMPTS:
                await self.replies.postpone(reply.reply_id, now + _pause(reply.attempts))
                log.warning("reply_postponed", kind=reply.kind, error=type(fault).__name__)
                return True
            outcome = "the mail is gone" if isinstance(fault, MailGone) else "given up"
        await self.replies.settle(reply.reply_id, outcome, now)
        log.info("reply_settled", kind=reply.kind, outcome=outcome)
        return True

    async def _send(self, reply: Reply) -> str:
        application = await self.applications.by_id(reply.application_id)
        if application is None or application.deleted_at is not None:
            return "the mail is gone"
        fetched = await self.mailbox.read(application.validity, application.uids[0])
        if fetched is None:
            raise MailGone
        mail = await asyncio.to_thread(read_mail, fetched.content)
        if mail.automatic or mail.sender is None or mail.sender.lower() == self.controller.mailbox.lower():
            return "nobody to write to"
        subject, body = self._text(reply, application)
        try:
            await self.mailer.send(
                message_id=message_id_of(reply.reply_id),
                to=mail.sender,
                subject=subject,
                body=body,
                headers=thread_of(mail),
            )
        except MailNotAccepted as refused:
            return f"refused by the mail server ({refused.code})"
        return "sent"

    def _text(self, reply: Reply, application: Application) -> tuple[str, str]:
        text = self.templates.get_template(f"application_{reply.kind}.{reply.language}.txt").render(
            case_id=application.case_id,
            received_on=application.received_at.astimezone(ALMATY).date(),
            deadline=deadline(application.received_at, self.days),
            controller=self.controller,
        )
        subject, _, body = text.partition("\n")
        return subject, body.lstrip("\n")


def thread_of(mail: Mail) -> dict[str, str]:
    """What makes a reply one, to a mail program, and a program's, to another program."""
    headers = {"Auto-Submitted": "auto-generated"}
    if mail.message_id:
        earlier = [i for i in dict.fromkeys(mail.references) if i != mail.message_id][-MOST_REFERENCES:]
        headers |= {"In-Reply-To": mail.message_id, "References": " ".join((*earlier, mail.message_id))}
    return headers


def _pause(attempts: int) -> timedelta:
    return min(LONGEST_PAUSE, timedelta(seconds=2**attempts))
