"""Key-encryption keys: the seam behind which files (`kek_files.py`) and Vault transit (`kek_vault.py`) stand.

To seal and to open are two rights. Whoever publishes for a reader may only seal, the reader alone may open: by the two
halves of a key pair where keys are files, by the server's grants where they never leave a KMS. A KEK lives for one
epoch; when it is destroyed, whatever was sealed to it and was not re-wrapped for a survivor stays unreadable, in
every copy.

Calls may wait for a network, so they are not for an event loop: `KeyWrapper.prepare` and `KeyUnwrapper.prepare` make
them elsewhere, once a session.
"""

from collections.abc import Sequence
from typing import Protocol


def session_context(reader: str, epoch: int) -> bytes:
    """What a sealed session key is bound to, whoever the provider is."""
    return f"sealed-orders/session/{reader}/{epoch}".encode()


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
    """What a publisher is given."""

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
    """What a reader is given, of its own KEK."""

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
