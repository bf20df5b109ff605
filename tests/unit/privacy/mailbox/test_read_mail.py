"""Whatever comes by mail is read as text, or as nothing: it never raises and is never interpreted."""

from email.message import EmailMessage
from email.policy import SMTPUTF8

import pytest

from services.privacy.mailbox.read_mail import LONGEST_TEXT, Attachment, html_as_text, read_mail

PLAIN = "From: Aigul <aigul@example.kz>\r\nSubject: Hi\r\nMessage-ID: <1@example.kz>\r\n"


def test_plain_mail_is_read() -> None:
    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"], mail["Subject"], mail["Message-ID"] = "Айгүл <aigul@example.kz>", "Өтініш", "<1@example.kz>"
    mail["In-Reply-To"], mail["References"] = "<0@exl.kz>", "<a@exl.kz> <0@exl.kz>"
    mail.set_content("Келісімді қайтарамын.")
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="passport.pdf")
    read = read_mail(mail.as_bytes())
    assert (read.sender, read.subject, read.text) == ("aigul@example.kz", "Өтініш", "Келісімді қайтарамын.")
    assert read.message_id == "<1@example.kz>"
    assert read.references == ("<0@exl.kz>", "<a@exl.kz>", "<0@exl.kz>")
    assert read.attachments == (Attachment("application/pdf", 8),)
    assert not read.automatic


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe" * 100,
        b"no header at all",
        b"From:\r\nSubject: =?utf-8?b?!!!?=\r\n\r\nx",
        b"From: \xff\xfe <\xff@\xff>\r\nSubject: \xd0\xff\r\n\r\n\xd0\xff",
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\n\xd0\x9f",
        b"Content-Type: text/plain; charset*=%%%\r\nContent-Disposition: attachment; filename*=x'y'%ZZ\r\n\r\nx",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\ncut sho",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3_000)),
        b"From: " + b"a" * 1_000_000,
        b"From: " + b"<" * 10_000 + b"\r\nReferences: " + b"<" * 100_000 + b"\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\n" * 500,
    ],
)
def test_malformed_mail_is_read_as_far_as_it_goes(content: bytes) -> None:
    read = read_mail(content)
    assert len(read.text) <= LONGEST_TEXT
    assert read.subject.isprintable()


def test_mail_without_sender_has_none() -> None:
    assert read_mail(b"Subject: Hi\r\n\r\nx").sender is None
    assert read_mail(b"From: undisclosed\r\n\r\nx").sender is None


@pytest.mark.parametrize(
    "sender",
    ["a@example.kz, b@example.com", "a@example.kz <b@example.com>", "a@example.kz\r\nFrom: b@example.com", "a@b <c@d"],
)
def test_sender_that_can_be_read_in_two_ways_is_none(sender: str) -> None:
    assert read_mail(f"From: {sender}\r\n\r\nx".encode()).sender is None
    assert read_mail(b'From: "a@example.kz" <b@example.com>\r\n\r\nx').sender == "b@example.com"


def test_html_alone_is_shown_as_text() -> None:
    html = "<head><title>t</title></head><P>Прошу&nbsp;удалить<br/>данные<script>alert('<b>')</script> &lt;b&gt;"
    assert html_as_text(html) == "Прошу удалить\nданные <b>"
    assert read_mail(f"{PLAIN}Content-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()).text.startswith("Прошу")


@pytest.mark.parametrize("piece", ["<b", "<script", "<!--", "&", "<p>&lt;", "</", "<script></style>"])
def test_hostile_html_is_bounded(piece: str) -> None:
    """A parser that starts over at each unfinished tag would keep the whole service waiting, and this test."""
    assert len(html_as_text(piece * 1_000_000)) <= LONGEST_TEXT


def test_characters_that_turn_or_hide_text_are_left_out() -> None:
    read = read_mail(f"{PLAIN}\r\nsafe\u202eexe.fdp\u200b\x07\x1b[31m\r\nend".encode())
    assert read.text == "safeexe.fdp[31m\nend"


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (vacation)",
        "Precedence: bulk",
        "Return-Path: <>",
        "List-Unsubscribe: <mailto:a@example.com>",
        "X-Auto-Response-Suppress: All",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    ],
)
def test_what_a_program_sent_is_told_from_what_a_person_wrote(header: str) -> None:
    assert read_mail(f"{PLAIN}{header}\r\n\r\nx".encode()).automatic
    assert not read_mail(f"{PLAIN}Auto-Submitted: no\r\n\r\nx".encode()).automatic


def test_ids_that_could_break_a_header_of_ours_are_not_taken() -> None:
    read = read_mail(f"{PLAIN}References: <a b@c> <ok@c> <no-at> <\u00e9@c> <x@c\r\n\r\nx".encode())
    assert read.references == ("<ok@c>", "<x@c>")


def test_nothing_of_a_mail_is_in_its_representation() -> None:
    read = read_mail(f"{PLAIN}\r\nsecret words".encode())
    assert "aigul" not in repr(read)
    assert "secret" not in repr(read)
