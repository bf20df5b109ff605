"""A mail receiver: each message is one file, and a Message-ID seen before is accepted and not kept again, as real
mailboxes do (RFC 5322 3.6.4: the identifier is unique to the message). `python -m … PORT MAIL_DIR`"""

import asyncio
import hashlib
import signal
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class MailSink:
    """An aiosmtpd handler over a folder."""

    def __init__(self, mail_dir: Path) -> None:
        self._mail_dir = mail_dir

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The name is aiosmtpd's. A message without an identifier is told apart by its content."""
        content = envelope.original_content or b""
        message_id = message_from_bytes(content, policy=default)["Message-ID"]
        name = hashlib.sha256(str(message_id).encode() if message_id else content).hexdigest()[:32]
        path = self._mail_dir / f"{name}.eml"
        if path.exists():
            return "250 Already delivered"
        temporary = path.with_suffix(".new")
        temporary.write_bytes(content)
        temporary.replace(path)
        return "250 Delivered"


async def serve(port: int, mail_dir: Path) -> None:
    """Until TERM."""
    loop = asyncio.get_running_loop()
    handler = MailSink(mail_dir)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mail.example", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port
    )
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
