"""What a proxy understands of the bytes that pass: the steps a service takes at the servers it uses.

A conversation is one connection, read in one protocol. It cuts the bytes into parts and passes every byte on; a part
that takes a step, or says that a step was taken, names it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Step:
    """Something durable or irrevocable at `server` (`mongodb`, `kafka`, `mail`, `sms`, `partner`).

    act: the same for the same step in every run, without an id. key: what makes a repeat of a message recognisable to
    its receiver (Message-ID, Idempotency-Key); empty elsewhere.
    """

    server: str
    act: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.server} {self.act}"


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that are passed on together. `steps`: of a request, what it asks for; of a reply, what was done."""

    data: bytes
    steps: tuple[Step, ...] = ()


class Conversation(Protocol):
    def requests(self, data: bytes) -> Iterable[Part]:
        """The parts that are complete with these bytes from the service."""
        ...

    def replies(self, data: bytes) -> Iterable[Part]:
        """The parts that are complete with these bytes from the server."""
        ...


class Plain:
    """Passes everything on and understands nothing."""

    def requests(self, data: bytes) -> Iterable[Part]:
        return [Part(data)]

    def replies(self, data: bytes) -> Iterable[Part]:
        return [Part(data)]


class Framed:
    """Bytes to whole messages, where each begins with its length."""

    def __init__(self, *, byteorder: Literal["little", "big"], counts_itself: bool) -> None:
        self._order = byteorder
        self._own = 0 if counts_itself else 4
        self._rest = b""

    def whole(self, data: bytes) -> list[bytes]:
        buffer, at = self._rest + data, 0
        messages = []
        while len(buffer) - at >= 4:
            length = int.from_bytes(buffer[at : at + 4], self._order) + self._own
            if len(buffer) - at < length:
                break
            messages.append(buffer[at : at + length])
            at += length
        self._rest = buffer[at:]
        return messages
