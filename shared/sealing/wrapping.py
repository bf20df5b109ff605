"""Wrap a subject's data key for its reader, and unwrap it there.

Two steps, so that wrapping is both least-privileged and fast: a publisher makes a short-lived *session key* and
seals it to the reader's key-encryption key (public-key, about 70 µs, once a session); data keys are wrapped under
the session key (symmetric, about 2 µs each). A wrapped key carries its sealed session key, so it stands alone.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import tink
from tink import TinkError, aead, proto_keyset_format, secret_key_access
from tink.aead import Aead

from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.forgetful import Forgetful
from shared.sealing.kek import KekOpener, KekSealer, KekUnavailable

aead.register()
SESSION_TEMPLATE = aead.aead_key_templates.AES256_GCM_RAW
REMEMBERED_SESSIONS = 1_000
EARLY = 0.9  # of a session's life, after which `prepare` renews it, so that whatever follows finds it young


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key at rest: `keys.<reader>` of a keyring document. Prints its epoch only: a copy in a log would
    outlive the erasure."""

    epoch: int
    session: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)

    def document(self) -> dict[str, object]:
        return {"epoch": self.epoch, "session": self.session, "wrapped": self.wrapped}


def _context(subject_id: str, reader: str) -> bytes:
    return f"sealed-orders/data-key/{reader}/{subject_id}".encode()


class KeyWrapper:
    """A publisher's side. Sessions are renewed after `session_seconds`, and so pick up a new epoch."""

    def __init__(self, kek: KekSealer, session_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._kek = kek
        self._sessions: Forgetful[str, tuple[int, bytes, Aead]] = Forgetful(session_seconds, REMEMBERED_SESSIONS, clock)

    def wrap(self, material: bytes, subject_id: str, reader: str) -> WrappedKey:
        """Waits for the KEK's provider where no session is ready: `prepare` first. Raises KekUnavailable,
        KekUnreachable."""
        epoch, sealed, session = self._sessions.get_or_keep(reader, lambda: self._new_session(reader))
        return WrappedKey(epoch, sealed, session.encrypt(material, _context(subject_id, reader)))

    async def prepare(self, readers: Iterable[str]) -> None:
        """Have a session for each of these readers: `wrap` then waits for nobody. Raises as `wrap` does."""
        now, young = self._sessions.now(), EARLY * self._sessions.max_age_seconds
        if due := [reader for reader in readers if not self._sessions.holds(reader, younger_than=young)]:
            made = await asyncio.to_thread(lambda: [self._new_session(reader) for reader in due])
            for reader, session in zip(due, made, strict=True):
                self._sessions.keep(reader, session, since=now)

    def _new_session(self, reader: str) -> tuple[int, bytes, Aead]:
        handle = tink.new_keyset_handle(SESSION_TEMPLATE)
        epoch = self._kek.current_epoch(reader)
        sealed = self._kek.seal(reader, epoch, proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
        return epoch, sealed, handle.primitive(Aead)


class KeyUnwrapper:
    """A reader's side, for its own keys only. Remembers opened sessions as long as the key cache may live."""

    def __init__(
        self,
        kek: KekOpener,
        reader: str,
        remember_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kek = kek
        self._reader = reader
        self._sessions: Forgetful[tuple[int, bytes], Aead | None] = Forgetful(
            remember_seconds, REMEMBERED_SESSIONS, clock
        )

    def unwrap(self, key: WrappedKey, subject_id: str) -> bytes:
        """The key material. Waits for the KEK's provider where its session is not open: `prepare` first.

        Raises KekUnavailable (epoch destroyed), KekUnreachable or EnvelopeNotAuthentic (not this subject's)."""
        named = (key.epoch, key.session)
        session = self._sessions.get_or_keep(named, lambda: self._opened(key))
        if session is None:
            raise KekUnavailable(self._reader, key.epoch)
        try:
            material: bytes = session.decrypt(key.wrapped, _context(subject_id, self._reader))
        except TinkError:
            raise EnvelopeNotAuthentic from None
        return material

    async def prepare(self, keys: Iterable[WrappedKey]) -> None:
        """Open the sessions of these keys: `unwrap` then waits for nobody. Raises KekUnreachable."""
        now, young = self._sessions.now(), EARLY * self._sessions.max_age_seconds
        due: dict[tuple[int, bytes], WrappedKey] = {}
        for key in keys:
            if not self._sessions.holds((key.epoch, key.session), younger_than=young):
                due[key.epoch, key.session] = key
        if due:
            opened = await asyncio.to_thread(lambda: [self._opened(key) for key in due.values()])
            for named, session in zip(due, opened, strict=True):
                self._sessions.keep(named, session, since=now)

    def _opened(self, key: WrappedKey) -> Aead | None:
        """None where no key opens it. That is remembered like any session, and no longer."""
        try:
            serialised = self._kek.open(key.epoch, key.session)
        except KekUnavailable:
            return None
        session: Aead = proto_keyset_format.parse(serialised, secret_key_access.TOKEN).primitive(Aead)
        return session
