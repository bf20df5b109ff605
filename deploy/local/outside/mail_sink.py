"""A mail receiver: each message is one file, and a Message-ID seen before is accepted and not kept again, as real
mailboxes do (RFC 5322 3.6.4: the identifier is unique to the message). `python -m … PORT MAIL_DIR [ADDRESS MAILDIR]`

A message to ADDRESS goes into that Maildir instead, where an IMAP server shows it to the controller."""

import asyncio
import hashlib
import signal
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Maildir:
    """The delivering side of a Maildir: a file is whole before it is seen in `new`."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address.lower()
        self._folder = folder

    def deliver(self, name: str, content: bytes) -> None:
        """Not where the mailbox has it already: once its server has seen a message, flags follow the name."""
        kept = (path for folder in ("new", "cur") for path in (self._folder / folder).iterdir())
        if any(path.name.partition(":")[0] == name for path in kept):
            return
        temporary = self._folder / "tmp" / name
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        temporary.replace(self._folder / "new" / name)


class MailSink:
    """An aiosmtpd handler over a folder, and the controller's own mailbox where there is one."""

    def __init__(self, mail_dir: Path, mailbox: Maildir | None = None) -> None:
        self._mail_dir = mail_dir
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The name is aiosmtpd's. A message without an identifier is told apart by its content."""
        content = envelope.original_content or b""
        message_id = message_from_bytes(content, policy=default)["Message-ID"]
        name = hashlib.sha256(str(message_id).encode() if message_id else content).hexdigest()[:32]
        recipients = {recipient.lower() for recipient in envelope.rcpt_tos}
        if self._mailbox and self._mailbox.address in recipients:
            self._mailbox.deliver(name, content)
            if recipients == {self._mailbox.address}:
                return "250 Delivered"
        path = self._mail_dir / f"{name}.eml"
        if path.exists():
            return "250 Already delivered"
        temporary = path.with_suffix(".new")
        temporary.write_bytes(content)
        temporary.replace(path)
        return "250 Delivered"


async def serve(port: int, mail_dir: Path, mailbox: Maildir | None) -> None:
    """Until TERM."""
    loop = asyncio.get_running_loop()
    handler = MailSink(mail_dir, mailbox)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mail.example", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port
    )
    async with server:
        await stop.wait()


if __name__ == "__main__":
    own = Maildir(sys.argv[3], Path(sys.argv[4])) if len(sys.argv) > 3 else None
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), own))
