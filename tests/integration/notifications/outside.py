"""The world outside notifications: the local stack's own mail sink and SMS gateway, which answer otherwise where a test
says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.outside import jsonl
from deploy.local.outside.mail_sink import MailSink
from deploy.local.outside.sms_gateway import sms_gateway


class Outside:
    """`at_data`: reply to a mail, which is then not taken. `at_sms`: status for an SMS, which is then not taken.
    `handed_in`: Message-ID of each mail that came, also the same one again."""

    def __init__(self, folder: Path) -> None:
        self.mail_dir = folder / "mail"
        self.mail_dir.mkdir()
        self.sms_log = folder / "sms.jsonl"
        self.at_data: str | None = None
        self.at_sms: int | None = None
        self.handed_in: list[str] = []
        self.smtp_port = 0
        self._sink = MailSink(self.mail_dir)
        self._gateway = httpx.ASGITransport(sms_gateway(self.sms_log))
        self.sms = httpx.AsyncClient(transport=httpx.MockTransport(self._take_sms), base_url="http://sms.example")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        self.handed_in.append(message_from_bytes(content, policy=default)["Message-ID"])
        return self.at_data or await self._sink.handle_DATA(server, session, envelope)

    def mails(self) -> list[EmailMessage]:
        """As their receivers have them."""
        files = sorted(self.mail_dir.glob("*.eml"))
        return [cast(EmailMessage, message_from_bytes(path.read_bytes(), policy=default)) for path in files]

    def texts(self) -> list[jsonl.Line]:
        return jsonl.read(self.sms_log)

    async def _take_sms(self, request: httpx.Request) -> httpx.Response:
        if self.at_sms:
            return httpx.Response(self.at_sms)
        answer = await self._gateway.handle_async_request(request)
        return httpx.Response(answer.status_code, content=await answer.aread())


@asynccontextmanager
async def an_outside(folder: Path) -> AsyncIterator[Outside]:
    outside = Outside(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(outside, hostname="mail.example", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
    )
    outside.smtp_port = server.sockets[0].getsockname()[1]
    async with server:
        yield outside
