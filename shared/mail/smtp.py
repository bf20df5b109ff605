"""Send e-mails by SMTP (RFC 5321), over a few connections that are kept for the next message.

A message sent again after a crash carries the same Message-ID (RFC 5322), so its receiver keeps one.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import localtime

import aiosmtplib
from aiosmtplib.errors import (
    SMTPConnectResponseError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

SEND_SECONDS = 20.0
IDLE_SECONDS = 15.0
CONNECTIONS = 4


class MailNotAccepted(Exception):
    """The mail server refused this message for good; trying again would not help. Holds the reply code only."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"The mail server refused the message for good (reply code {code}).")


class MailServerAway(Exception):
    """A passing fault: try again later."""


@dataclass(frozen=True, slots=True)
class Mailer:
    host: str
    port: int
    sender: str
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS), repr=False)
    _idle: list[tuple[float, aiosmtplib.SMTP]] = field(default_factory=list, repr=False)

    async def send(
        self, *, message_id: str, to: str, subject: str, body: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Accepted by the server when this returns. `headers`: more of them. Raises MailNotAccepted or MailServerAway,
        with no address."""
        message = EmailMessage(policy=SMTPUTF8)
        message["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2]}>"
        message["Date"] = localtime()
        try:
            message["From"], message["To"], message["Subject"] = self.sender, to, subject
            for name, value in (headers or {}).items():
                message[name] = value
            message.set_content(body)
            async with self._slots:
                await self._transmit(message)
        except SMTPRecipientsRefused as refused:
            code = refused.recipients[0].code if refused.recipients else 550
            raise _refusal(code) from None
        except (SMTPConnectResponseError, SMTPHeloError):  # it refuses us for now, whatever the message
            raise MailServerAway from None
        except SMTPResponseException as response:
            raise _refusal(response.code) from None
        except (SMTPException, OSError, TimeoutError):
            raise MailServerAway from None
        except ValueError:  # an address or a header that none can hold
            raise MailNotAccepted(553) from None

    async def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    async def _transmit(self, message: EmailMessage) -> None:
        """Keeps the connection only where the server took the message: any other one is in doubt."""
        kept = self._take_idle()
        client = kept or aiosmtplib.SMTP(hostname=self.host, port=self.port, timeout=SEND_SECONDS)
        try:
            if kept is None:
                await client.connect()
            await client.send_message(message)
        except BaseException:
            client.close()
            raise
        self._idle.append((time.monotonic(), client))

    def _take_idle(self) -> aiosmtplib.SMTP | None:
        """The connection used last; those that the server has given up meanwhile, or may soon, are closed."""
        oldest = time.monotonic() - IDLE_SECONDS
        while self._idle:
            used_at, client = self._idle.pop()
            if used_at > oldest and client.is_connected:
                return client
            client.close()
        return None


def _refusal(code: int) -> Exception:
    return MailNotAccepted(code) if code >= 500 else MailServerAway()
