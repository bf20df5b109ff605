"""Wrap a subject's data key for its reader, and unwrap it there.

Two steps, so that wrapping is both least-privileged and fast: a publisher makes a short-lived *session key* and
seals it to the reader's key-encryption key (public-key, about 70 µs, once a session); data keys are wrapped under
the session key (symmetric, about 2 µs each). A wrapped key carries its sealed session key, so it stands alone.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import tink
from tink import TinkError, aead, proto_keyset_format, secret_key_access
from tink.aead import Aead

from shared.sealing.envelope import EnvelopeNotAuthentic
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
        self._session_seconds = session_seconds
        self._clock = clock
        self._sessions: dict[str, tuple[float, int, bytes, Aead]] = {}

    def wrap(self, material: bytes, subject_id: str, reader: str) -> WrappedKey:
        """Waits for the KEK's provider where no session is ready: `prepare` first. Raises KekUnavailable,
        KekUnreachable."""
        now = self._clock()
        held = self._sessions.get(reader)
        if held is None or now - held[0] >= self._session_seconds:
            held = self._sessions[reader] = (now, *self._new_session(reader))
        _, epoch, sealed, session = held
        return WrappedKey(epoch, sealed, session.encrypt(material, _context(subject_id, reader)))

    async def prepare(self, readers: Iterable[str]) -> None:
        """Have a session for each of these readers: `wrap` then waits for nobody. Raises as `wrap` does."""
        now = self._clock()
        young = {name for name, held in self._sessions.items() if now - held[0] < EARLY * self._session_seconds}
        if due := [reader for reader in readers if reader not in young]:
            made = await asyncio.to_thread(lambda: [self._new_session(reader) for reader in due])
            self._sessions.update({reader: (now, *session) for reader, session in zip(due, made, strict=True)})

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
        self._remember_seconds = remember_seconds
        self._clock = clock
        self._sessions: OrderedDict[tuple[int, bytes], tuple[float, Aead | None]] = OrderedDict()

    def unwrap(self, key: WrappedKey, subject_id: str) -> bytes:
        """The key material. Waits for the KEK's provider where its session is not open: `prepare` first.

        Raises KekUnavailable (epoch destroyed), KekUnreachable or EnvelopeNotAuthentic (not this subject's)."""
        now = self._clock()
        held = self._sessions.get((key.epoch, key.session))
        if held is None or now - held[0] >= self._remember_seconds:
            held = self._remember(key, self._opened(key), now)
        session = held[1]
        if session is None:
            raise KekUnavailable(self._reader, key.epoch)
        try:
            material: bytes = session.decrypt(key.wrapped, _context(subject_id, self._reader))
        except TinkError:
            raise EnvelopeNotAuthentic from None
        return material

    async def prepare(self, keys: Iterable[WrappedKey]) -> None:
        """Open the sessions of these keys: `unwrap` then waits for nobody. Raises KekUnreachable."""
        now = self._clock()
        due: dict[tuple[int, bytes], WrappedKey] = {}
        for key in keys:
            held = self._sessions.get((key.epoch, key.session))
            if held is None or now - held[0] >= EARLY * self._remember_seconds:
                due[key.epoch, key.session] = key
        if due:
            opened = await asyncio.to_thread(lambda: [self._opened(key) for key in due.values()])
            for key, session in zip(due.values(), opened, strict=True):
                self._remember(key, session, now)

    def _opened(self, key: WrappedKey) -> Aead | None:
        """None where no key opens it. That is remembered like any session, and no longer."""
        try:
            serialised = self._kek.open(key.epoch, key.session)
        except KekUnavailable:
            return None
        session: Aead = proto_keyset_format.parse(serialised, secret_key_access.TOKEN).primitive(Aead)
        return session

    def _remember(self, key: WrappedKey, session: Aead | None, now: float) -> tuple[float, Aead | None]:
        held = self._sessions[key.epoch, key.session] = (now, session)
        self._sessions.move_to_end((key.epoch, key.session))
        if len(self._sessions) > REMEMBERED_SESSIONS:
            self._sessions.popitem(last=False)
        return held
