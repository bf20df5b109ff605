"""Send one e-mail by SMTP (RFC 5321). A message sent again after a crash carries the same Message-ID (RFC 5322)."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPRecipientsRefused, SMTPResponseException

SEND_SECONDS = 20.0


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

    async def send(self, *, message_id: str, to: str, subject: str, body: str) -> None:
        """Accepted by the server when this returns. Raises MailNotAccepted or MailServerAway, with no address."""
        message = EmailMessage(policy=SMTPUTF8)
        message["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2]}>"
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message.set_content(body)
        try:
            await aiosmtplib.send(message, hostname=self.host, port=self.port, timeout=SEND_SECONDS)
        except SMTPRecipientsRefused as refused:
            code = refused.recipients[0].code if refused.recipients else 550
            raise _refusal(code) from None
        except SMTPResponseException as response:
            raise _refusal(response.code) from None
        except (SMTPException, OSError, TimeoutError):
            raise MailServerAway from None


def _refusal(code: int) -> Exception:
    return MailNotAccepted(code) if code >= 500 else MailServerAway()
