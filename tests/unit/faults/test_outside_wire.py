"""What the proxy makes of SMTP and HTTP."""

from typing import Any

from deploy.faults.outside_wire import HttpConversation, SmtpConversation
from deploy.faults.wire import Step

MAIL = b"Message-ID: <abc@example.kz>\r\nSubject: x\r\n\r\nbody\r\n"


def steps(parts: Any) -> list[Step]:
    return [step for part in parts for step in part.steps]


def ask_for_data(talk: SmtpConversation, answer: bytes = b"354 go on\r\n") -> None:
    assert steps(talk.requests(b"DATA\r\n")) == []
    assert steps(talk.replies(answer)) == []


def test_a_mail_is_held_until_it_is_whole_and_sent_when_it_is_accepted() -> None:
    talk, sent = SmtpConversation(), Step("mail", "send", "abc@example.kz")
    ask_for_data(talk)
    assert list(talk.requests(MAIL[:20])) == []
    parts = list(talk.requests(MAIL[20:] + b".\r\n"))
    assert b"".join(part.data for part in parts) == MAIL + b".\r\n"
    assert steps(parts) == [sent]
    assert steps(talk.replies(b"250 OK\r\n")) == [sent]


def test_a_mail_that_is_refused_was_not_sent() -> None:
    talk = SmtpConversation()
    ask_for_data(talk)
    list(talk.requests(MAIL + b".\r\n"))
    assert steps(talk.replies(b"451 later\r\n")) == []
    assert steps(talk.replies(b"250 OK\r\n")) == []


def test_where_data_is_refused_no_mail_follows() -> None:
    talk = SmtpConversation()
    ask_for_data(talk, b"451 later\r\n")
    (part,) = talk.requests(b"QUIT\r\n")
    assert part.data == b"QUIT\r\n"


def test_a_post_is_a_step_when_it_is_answered_with_success() -> None:
    talk, taken = HttpConversation("sms"), Step("sms", "POST /messages", "key-1")
    head = b"POST /messages HTTP/1.1\r\nIdempotency-Key: key-1\r\nContent-Length: 4\r\n\r\n"
    assert list(talk.requests(head)) == []
    parts = list(talk.requests(b"body"))
    assert b"".join(part.data for part in parts) == head + b"body"
    assert steps(parts) == [taken]
    assert steps(talk.replies(b"HTTP/1.1 202 Accepted\r\n\r\n")) == [taken]
    list(talk.requests(head + b"body"))
    assert steps(talk.replies(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")) == []


def test_a_get_is_no_step() -> None:
    assert steps(HttpConversation("sms").requests(b"GET /health HTTP/1.1\r\n\r\n")) == []
