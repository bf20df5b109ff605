"""The controller's mailbox over IMAP (RFC 3501, UIDPLUS RFC 4315): look, read, delete. Nothing is marked as seen.

A connection lives for one call, in a thread of its own, because the library waits for its answers. How much of a mail
is fetched is bounded by the request, whatever its size.
"""

import asyncio
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from imap_tools.errors import ImapToolsError
from imap_tools.mailbox import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted

ANSWER_SECONDS: Final = 10.0
HEAD_BYTES: Final = 64 * 1024
SHOWN_BYTES: Final = 4 * 1024 * 1024
_ATTRIBUTES: Final = re.compile(rb'(UID|RFC822\.SIZE) (\d+)|INTERNALDATE "([^"]+)"')
T = TypeVar("T")


class MailboxAway(ConnectionError):
    """A passing fault, or a refused sign-in: try again later. Says nothing of what the server answered."""


@dataclass(frozen=True, slots=True)
class ImapAddress:
    """`tls`: from the first byte, by STARTTLS, or none, which is for loopback. `ca_file`: who signs its certificate,
    where the system does not know. `authserv_id`: the name under which it says whether senders are genuine, if it
    does (RFC 8601)."""

    host: str
    port: int
    user: str
    password_file: Path
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: Path | None = None
    authserv_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """`received_at`: when the server took it in. `size`: of the whole mail, of which `content` is the beginning."""

    uid: int
    received_at: datetime
    size: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """`validity`: the mailbox's UIDVALIDITY; a mail's number means nothing under another."""

    validity: int
    mails: tuple[Fetched, ...]


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    address: ImapAddress

    async def arrived(self, known: Callable[[int], int], most: int) -> Arrived:
        """The oldest `most` mails after the last one known, with their beginnings. `known`: UIDVALIDITY → the highest
        number known under it, 0 for none. Raises MailboxAway."""

        def look(box: BaseMailBox) -> Arrived:
            validity = _validity(box)
            last = known(validity)
            _, found = box.client.uid("SEARCH", "UID", f"{last + 1}:*")
            new = sorted(n for n in map(int, (found[0] or b"").split()) if n > last)[:most]  # `*` is the last one
            return Arrived(validity, tuple(_fetch(box, new, HEAD_BYTES)))

        return await self._in_thread(look)

    async def read(self, validity: int, uid: int) -> Fetched | None:
        """None where the mail is not there any more, or not under this number. Raises MailboxAway."""

        def read(box: BaseMailBox) -> Fetched | None:
            return next(iter(_fetch(box, [uid], SHOWN_BYTES)), None) if _validity(box) == validity else None

        return await self._in_thread(read)

    async def delete(self, validity: int, uids: Sequence[int]) -> bool:
        """For good. One that is gone already is deleted. False where the numbers are not valid any more, and nothing
        was deleted. Raises MailboxAway."""

        def delete(box: BaseMailBox) -> bool:
            if _validity(box) != validity:
                return False
            numbers = ",".join(map(str, uids))
            box.client.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Deleted)")
            _, capabilities = box.client.capability()
            if b"UIDPLUS" in capabilities[0].upper().split():
                box.client.uid("EXPUNGE", numbers)
            else:
                box.client.expunge()
            return not list(_fetch(box, uids, 1)) or _away()

        return await self._in_thread(delete)

    async def _in_thread(self, work: Callable[[BaseMailBox], T]) -> T:
        return await asyncio.to_thread(self._connected, work)

    def _connected(self, work: Callable[[BaseMailBox], T]) -> T:
        try:
            with self._signed_in() as box:
                return work(box)
        except (imaplib.IMAP4.error, ImapToolsError, OSError, ValueError, TypeError, LookupError):
            raise MailboxAway from None  # their words may repeat the server's, and so a mail's

    @contextmanager
    def _signed_in(self) -> Iterator[BaseMailBox]:
        """The password is read each time: whoever rotates it replaces the file."""
        box = self._connect()
        try:
            box.login(self.address.user, self.address.password_file.read_text().strip())
            yield box
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                box.client.logout()

    def _connect(self) -> BaseMailBox:
        host, port = self.address.host, self.address.port
        if self.address.tls == "none":
            return MailBoxUnencrypted(host, port, timeout=ANSWER_SECONDS)
        context = ssl.create_default_context(cafile=self.address.ca_file)
        if self.address.tls == "starttls":
            return MailBoxStartTls(host, port, timeout=ANSWER_SECONDS, ssl_context=context)
        return MailBox(host, port, timeout=ANSWER_SECONDS, ssl_context=context)


def _validity(box: BaseMailBox) -> int:
    """As the server said when the folder was opened."""
    said: Any = box.client.untagged_responses["UIDVALIDITY"][0]
    return int(said)


def _fetch(box: BaseMailBox, uids: Sequence[int], most_bytes: int) -> Iterator[Fetched]:
    """One by one: memory holds one mail, and none that its server can't give holds up the others. Of such a one comes
    what the server still knows, without content: it was received all the same."""
    for uid in uids:
        for wanted in (f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{most_bytes}>)", "(UID INTERNALDATE)"):
            _, answer = box.client.uid("FETCH", str(uid), wanted)
            if fetched := _parsed(answer):
                yield fetched
                break


def _parsed(answer: Sequence[Any]) -> Fetched | None:
    """imaplib gives a literal as a tuple of what stood before it and itself, and what followed as bytes."""
    literals = [item for item in answer if isinstance(item, tuple)]
    around = b" ".join(item[0] if isinstance(item, tuple) else item for item in answer if item is not None)
    content = literals[0][1] if literals else b""
    numbers: dict[bytes, int] = {}
    received_at = None
    for name, number, date in _ATTRIBUTES.findall(around):
        if date:
            received_at = datetime.strptime(date.decode().strip(), "%d-%b-%Y %H:%M:%S %z")
        else:
            numbers[name] = int(number)
    if received_at is None or b"UID" not in numbers:
        return None
    return Fetched(numbers[b"UID"], received_at, numbers.get(b"RFC822.SIZE", len(content)), content)


def _away() -> bool:
    raise MailboxAway
