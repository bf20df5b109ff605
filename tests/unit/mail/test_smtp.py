"""Sending mail against a real SMTP server: connections are kept, faults told apart, no address in an error."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from shared.mail.smtp import Mailer, MailNotAccepted, MailServerAway

TO = "aqbope.sydyqbek@example.kz"


class Server:
    """Takes mail, and answers RCPT and DATA as it is told to."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.connections = 0
        self.at_rcpt = self.at_data = "250 OK"
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.at_rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(message_from_bytes(envelope.original_content or b"", policy=default))
        return self.at_data


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    handler = Server()

    def connect() -> SMTP:
        handler.connections += 1
        return SMTP(handler, hostname="mail.example", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    listening = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    handler.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield handler


@pytest.fixture
async def mailer(server: Server) -> AsyncIterator[Mailer]:
    mailer = Mailer("127.0.0.1", server.port, "info@exl.kz")
    yield mailer
    await mailer.close()


async def send(mailer: Mailer, number: int = 1, to: str = TO) -> None:
    await mailer.send(message_id=f"m{number}", to=to, subject="Тапсырыс қабылданды", body="Сәлеметсіз бе!\n")


async def test_a_mail_arrives_as_it_was_written(server: Server, mailer: Mailer) -> None:
    await send(mailer)
    (mail,) = server.mails
    assert mail["Message-ID"] == "<m1@exl.kz>"
    assert mail["Subject"] == "Тапсырыс қабылданды"
    assert (mail["From"], mail["To"]) == ("info@exl.kz", TO)
    assert mail["Date"] is not None
    assert mail.get_payload(decode=True).decode().strip() == "Сәлеметсіз бе!"  # type: ignore[union-attr]


async def test_many_mails_share_a_few_connections(server: Server, mailer: Mailer) -> None:
    await asyncio.gather(*(send(mailer, number) for number in range(60)))
    assert len({mail["Message-ID"] for mail in server.mails}) == 60
    assert server.connections <= 4


@pytest.mark.parametrize("stage", ["at_rcpt", "at_data"])
async def test_a_refusal_for_good_holds_the_code_alone(server: Server, mailer: Mailer, stage: str) -> None:
    setattr(server, stage, f"550 <{TO}> unknown")
    with pytest.raises(MailNotAccepted) as refused:
        await send(mailer)
    assert refused.value.code == 550
    assert "aqbope" not in str(refused.value)


@pytest.mark.parametrize("stage", ["at_rcpt", "at_data"])
async def test_a_refusal_for_now_is_tried_later(server: Server, mailer: Mailer, stage: str) -> None:
    setattr(server, stage, "451 later")
    with pytest.raises(MailServerAway):
        await send(mailer)
    setattr(server, stage, "250 OK")
    await send(mailer, 2)
    assert server.mails[-1]["Message-ID"] == "<m2@exl.kz>"


async def test_an_address_no_header_can_hold_is_refused(server: Server, mailer: Mailer) -> None:
    with pytest.raises(MailNotAccepted):
        await send(mailer, to="x@example.kz\r\nBcc: y@example.kz")
    assert server.mails == []


async def test_no_server_is_a_passing_fault() -> None:
    with pytest.raises(MailServerAway):
        await send(Mailer("127.0.0.1", 9, "info@exl.kz"))


async def test_a_connection_the_server_gave_up_is_not_used_again(server: Server, mailer: Mailer) -> None:
    await send(mailer)
    (_, client) = mailer._idle[0]
    client.close()
    await send(mailer, 2)
    assert server.connections == 2


async def test_further_headers_go_with_the_mail(server: Server, mailer: Mailer) -> None:
    thread = {"In-Reply-To": "<asked@example.kz>", "Auto-Submitted": "auto-replied"}
    await mailer.send(message_id="m1", to=TO, subject="Өтініш", body="Қабылданды.\n", headers=thread)
    (mail,) = server.mails
    assert {name: mail[name] for name in thread} == thread


async def test_header_that_would_be_two_is_refused_for_good(server: Server, mailer: Mailer) -> None:
    forged = {"In-Reply-To": "<asked@example.kz>\r\nBcc: somebody.else@example.kz"}
    with pytest.raises(MailNotAccepted):
        await mailer.send(message_id="m1", to=TO, subject="Өтініш", body="Қабылданды.\n", headers=forged)
    assert server.mails == []
