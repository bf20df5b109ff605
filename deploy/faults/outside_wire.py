"""SMTP (RFC 5321) and HTTP/1.1 (RFC 9112) as far as steps need them: a mail handed in, a POST answered with success.

Both are strictly one request, one answer. Nothing of a message is kept but what identifies it to its receiver.
"""

import re
from collections.abc import Iterable

from deploy.faults.wire import Part, Step

MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>\r\n]*)>", re.IGNORECASE | re.MULTILINE)
CONTENT_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
IDEMPOTENCY_KEY = re.compile(rb"^idempotency-key:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
END_OF_MAIL = b"\r\n.\r\n"


class SmtpConversation:
    def __init__(self) -> None:
        self._asked_for_data = False
        self._content: bytes | None = None
        self._sent: Step | None = None

    def requests(self, data: bytes) -> Iterable[Part]:
        if self._content is None:
            self._asked_for_data = data.upper().endswith(b"DATA\r\n")
            return [Part(data)]
        self._content += data
        if not self._content.endswith(END_OF_MAIL):
            return []
        content, self._content = self._content, None
        named = MESSAGE_ID.search(content)
        self._sent = Step("mail", "send", named[1].decode("ascii", "replace") if named else "")
        return [Part(content, (self._sent,))]

    def replies(self, data: bytes) -> Iterable[Part]:
        if self._asked_for_data:
            self._asked_for_data = False
            self._content = b"" if data.startswith(b"354") else None
        step, self._sent = self._sent, None
        return [Part(data, (step,) if step and data.startswith(b"250") else ())]


class HttpConversation:
    """`server`: its name in steps."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._request = b""
        self._asked: Step | None = None

    def requests(self, data: bytes) -> Iterable[Part]:
        self._request += data
        head, found, body = self._request.partition(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(head)
        if not found or len(body) < int(length[1] if length else 0):
            return []
        request, self._request = self._request, b""
        method, path, *_ = head.split(b" ", 2)
        key = IDEMPOTENCY_KEY.search(head)
        act = f"{method.decode()} {path.decode('ascii', 'replace')}"
        self._asked = Step(self._server, act, key[1].decode() if key else "") if method == b"POST" else None
        return [Part(request, (self._asked,) if self._asked else ())]

    def replies(self, data: bytes) -> Iterable[Part]:
        step, self._asked = self._asked, None
        return [Part(data, (step,) if step and re.match(rb"HTTP/1\.1 2", data) else ())]
