"""What a mail says, as plain text: whatever anybody may send, malformed, huge or hostile, without ever raising.

Bounded in every direction; nothing of it is interpreted. Attachments are listed and not opened.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Final, TypeVar

from imap_tools.message import MailAttachment, MailMessage
from imap_tools.utils import parse_email_addresses

LONGEST_TEXT: Final = 100_000
LONGEST_LINE: Final = 300
LONGEST_HEADER: Final = 4_000
MOST_PARTS: Final = 50
_SILENT: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
_OF_A_LINE: Final = frozenset({"p", "div", "br", "li", "tr", "table", "blockquote", "h1", "h2", "h3", "h4", "hr"})
_TAG: Final = re.compile(r"/?[a-z0-9]*")
# They reorder or hide what stands beside them: bidirectional overrides and isolates, zero-width characters.
_UNSEEN: Final = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attachment:
    """`kind`: the media type its sender calls it. `size` in bytes, of what was fetched."""

    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Mail:
    """Shows nothing of itself in a log. `references`: message ids it answers, the direct one first. `automatic`: no
    person wrote it, so nothing may answer it by itself (RFC 3834). `authentication`: what the server that took it in
    found out about its sender (RFC 8601), which stands above whatever else says so."""

    sender: str | None = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str | None = field(repr=False)
    references: tuple[str, ...] = field(repr=False)
    attachments: tuple[Attachment, ...] = field(repr=False)
    automatic: bool = False
    authentication: str = field(default="", repr=False)


def read_mail(content: bytes) -> Mail:
    """`content`: RFC 5322 bytes, perhaps cut short."""
    message = _or(lambda: MailMessage.from_bytes(content), None)
    if message is None:
        return Mail(None, "", "", None, (), ())
    return Mail(
        sender=_or(lambda: _sender(message), None),
        subject=_line(_or(lambda: message.subject, "")),
        text=_text(message),
        message_id=next(iter(_ids(message, "message-id")), None),
        references=(*_ids(message, "in-reply-to"), *_ids(message, "references")),
        attachments=tuple(_or(lambda: _attachments(message), [])),
        automatic=_or(lambda: _is_automatic(message), True),  # in doubt nothing is answered by itself
        authentication=_or(lambda: str(message.obj["Authentication-Results"] or "")[:LONGEST_HEADER], ""),
    )


def vouched_for(mail: Mail, server: str) -> bool:
    """Whether that server says that the sender's domain sent it (DMARC, RFC 7489): anybody can write any sender."""
    said_by, _, results = mail.authentication.lower().partition(";")
    return said_by.split()[:1] == [server.lower()] and any(
        result.split()[:1] == ["dmarc=pass"] for result in results.split(";")
    )


def _sender(message: MailMessage) -> str | None:
    """The address alone: a name is whatever its sender chose. Of several, which parsers do not agree on, none: one of
    them could be vouched for and another one be believed."""
    found = parse_email_addresses(_header(message, "from", between=", ")[:LONGEST_HEADER])
    return _line(found[0].email) or None if len(found) == 1 else None


def _text(message: MailMessage) -> str:
    plain = _or(lambda: message.text, "")
    return _shown(plain if plain.strip() else _or(lambda: html_as_text(message.html), ""))


def _attachments(message: MailMessage) -> list[Attachment]:
    def listed(part: MailAttachment) -> Attachment:
        return Attachment(_line(part.content_type)[:80], _or(lambda: part.size, 0))

    return [listed(part) for part in message.attachments[:MOST_PARTS]]


def _is_automatic(message: MailMessage) -> bool:
    return (
        _header(message, "auto-submitted").lower() not in ("", "no")
        or _header(message, "return-path") == "<>"
        or _header(message, "precedence").lower() in ("bulk", "junk", "list")
        or any(_header(message, n) for n in ("list-id", "list-unsubscribe", "x-auto-response-suppress", "x-autoreply"))
        or message.obj.get_content_type() == "multipart/report"
    )


def _ids(message: MailMessage, header: str) -> list[str]:
    """`<local@domain>` in printable ASCII without blanks: what may stand in a header of ours."""
    raw = _or(lambda: _header(message, header)[:LONGEST_HEADER], "")
    ids = (f"<{part.partition('>')[0]}>" for part in raw.split("<")[1:21])
    return [i for i in ids if "@" in i and len(i) <= LONGEST_LINE and i.isascii() and i.isprintable() and " " not in i]


def _header(message: MailMessage, name: str, between: str = " ") -> str:
    """All of that name, as they stand in the mail."""
    return between.join(str(value) for value in message.obj.get_all(name, ())).strip()


def html_as_text(html: str) -> str:
    """What a browser would show of it, roughly, without loading or running anything.

    By hand, in one pass: the library's parser takes half a minute for a hundred kilobytes of unfinished tags."""
    first, *rest = html[:LONGEST_TEXT].split("<")
    shown, silent = [first], ""
    for piece in rest:
        tag, _, text = piece.partition(">")
        name = _TAG.match(tag.lower())[0]  # type: ignore[index]  # it matches nothing at least
        if not silent and name in _SILENT:
            silent = name
        elif silent and name == f"/{silent}":
            silent = ""
        if name.lstrip("/") in _OF_A_LINE:
            shown.append("\n")
        if not silent:
            shown.append(" ".join(text.split("\n")))
    lines = (" ".join(line.split()) for line in unescape("".join(shown)).splitlines())
    return "\n".join(line for line in lines if line)


def _shown(text: str) -> str:
    text = text[:LONGEST_TEXT].replace("\r\n", "\n").translate(_UNSEEN)
    return "".join(c for c in text if c.isprintable() or c in "\n\t").strip()


def _line(text: str) -> str:
    return " ".join(_shown(text[:LONGEST_LINE]).split())


def _or(read: Callable[[], T], default: T) -> T:
    """Parsers raise whatever they like at what they did not expect, deep recursion too."""
    try:
        return read()
    except Exception:
        return default
