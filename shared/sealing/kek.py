"""Key-encryption keys: the seam behind which a file, Vault transit or a cloud KMS stands.

A KEK is asymmetric. Whoever publishes for a reader needs only the public half; the private half is with the
reader alone. A KEK lives for one epoch; when its private half is destroyed, whatever was sealed to it and was
not re-wrapped for a survivor stays unreadable, in every copy.
"""

from collections.abc import Sequence
from typing import Protocol


class KekUnavailable(Exception):
    """No key-encryption key of that reader and epoch is here."""

    def __init__(self, reader: str, epoch: int | None = None) -> None:
        which = "current epoch" if epoch is None else f"epoch {epoch}"
        super().__init__(
            f"No key-encryption key of reader {reader}, {which}. Either the epoch was destroyed, and what it "
            "protected is gone on purpose, or this process was not given the key: check its key folder or KMS grant."
        )


class KekUnreachable(ConnectionError):
    """The key provider did not answer, or would not now: a passing fault, the same call may go through later."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The provider of key-encryption keys can't be used ({what}). The work is tried again; "
            "check that it runs, is unsealed, and knows this service's token."
        )


class KekSealer(Protocol):
    """What a publisher is given: the public halves."""

    def epochs(self, reader: str) -> Sequence[int]:
        """Epochs of the reader that live, ascending."""
        ...

    def current_epoch(self, reader: str) -> int:
        """The newest of them. Raises KekUnavailable where there is none."""
        ...

    def seal(self, reader: str, epoch: int, session: bytes) -> bytes:
        """Seal a session key to the reader's KEK of that epoch. Raises KekUnavailable."""
        ...


class KekOpener(Protocol):
    """What a reader is given: the private half of its own KEK."""

    def open(self, epoch: int, sealed: bytes) -> bytes:
        """The session key. Raises KekUnavailable for an epoch that was destroyed or never given."""
        ...


class KekKeeper(Protocol):
    """The administrator's hand, which no service has: it makes epochs, re-wraps, and destroys for good."""

    def epochs(self, reader: str) -> Sequence[int]: ...

    def create(self, reader: str, epoch: int) -> None:
        """Idempotent."""
        ...

    def destroy(self, reader: str, epoch: int) -> None:
        """Idempotent. What was sealed to that epoch opens with no key that exists."""
        ...

    def sealer(self) -> KekSealer: ...

    def opener(self, reader: str) -> KekOpener: ...
