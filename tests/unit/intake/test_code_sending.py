"""Codes are sent beside the request, tried again a few times, and never written down."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.intake.contact import Contact
from services.intake.my_data import code_sending
from services.intake.my_data.code_sending import CodeSending
from services.intake.my_data.one_time_codes import MadeCode
from shared.mail.sms_gateway import SmsGatewayAway
from shared.mail.smtp import MailNotAccepted, MailServerAway

PHONE, EMAIL = Contact("phone", "+77000000042"), Contact("email", "aqbope@example.kz")
MADE, TOO_MANY = MadeCode("a7" * 16, "e" * 32, "012345"), MadeCode("a7" * 16, "e" * 32, None)


class Post:
    """A mail server and an SMS gateway, which fail as often as they are told to."""

    def __init__(self, *failures: Exception) -> None:
        self.taken: list[dict[str, Any]] = []
        self.failures = list(failures)

    async def send(self, **message: Any) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(message)
        return "taken"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_sending, "PAUSES_SECONDS", (0.0, 0.0))


async def sent(post: Post, contact: Contact, made: MadeCode = MADE, *, wanted: bool = True) -> list[dict[str, Any]]:
    sending = CodeSending(post, post, site="exl.kz")  # type: ignore[arg-type]

    async def is_wanted() -> bool:
        return wanted

    sending.later(contact, made, "ru", is_wanted)
    assert post.taken == []  # nothing happens before the request is answered
    await asyncio.gather(*sending._tasks)
    return post.taken


async def test_a_code_goes_to_the_phone_in_one_line_and_in_the_page_s_language() -> None:
    (message,) = await sent(Post(), PHONE)
    assert message["to"] == PHONE.value
    assert message["text"] == "exl.kz: ваш код 012345. Никому его не сообщайте."


async def test_a_code_goes_to_the_mailbox_and_not_into_its_subject() -> None:
    (message,) = await sent(Post(), EMAIL)
    assert message["to"] == EMAIL.value
    assert "012345" in message["body"]
    assert "012345" not in message["subject"] + message["message_id"]


@pytest.mark.parametrize(("made", "wanted"), [(MADE, False), (TOO_MANY, True)])
async def test_nothing_goes_to_whom_nobody_knows_or_where_too_many_were_asked_for(made: MadeCode, wanted: bool) -> None:
    assert await sent(Post(), PHONE, made, wanted=wanted) == []


async def test_a_server_that_is_away_is_asked_again_with_the_same_message() -> None:
    (message,) = await sent(Post(MailServerAway(), MailServerAway()), EMAIL)
    assert message["message_id"] == f"code-{MADE.attempt_id}"


@pytest.mark.parametrize(
    ("contact", "failures"), [(PHONE, [SmsGatewayAway()] * 3), (EMAIL, [MailNotAccepted(550)]), (EMAIL, [ValueError()])]
)
async def test_it_is_given_up_without_a_word_of_code_or_contact(contact: Contact, failures: list[Exception]) -> None:
    with capture_logs() as logs:
        assert await sent(Post(*failures), contact) == []
    assert [line["event"] for line in logs] == ["code_not_sent"]
    assert "012345" not in repr(logs)
    assert contact.value not in repr(logs)


async def test_too_many_at_once_are_not_even_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_sending, "MOST_AT_ONCE", 0)
    assert await sent(Post(), PHONE) == []
