"""Wrap a subject's data key for its reader, and unwrap it there.

Two steps, so that wrapping is both least-privileged and fast: a publisher makes a short-lived *session key* and
seals it to the reader's key-encryption key (public-key, about 70 µs, once a session); data keys are wrapped under
the session key (symmetric, about 2 µs each). A wrapped key carries its sealed session key, so it stands alone.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import tink
from tink import TinkError, aead, proto_keyset_format, secret_key_access
from tink.aead import Aead

from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekOpener, KekSealer

aead.register()
SESSION_TEMPLATE = aead.aead_key_templates.AES256_GCM_RAW
REMEMBERED_SESSIONS = 1_000


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
        _, epoch, sealed, session = self._session(reader)
        return WrappedKey(epoch, sealed, session.encrypt(material, _context(subject_id, reader)))

    def _session(self, reader: str) -> tuple[float, int, bytes, Aead]:
        now = self._clock()
        held = self._sessions.get(reader)
        if held is None or now - held[0] >= self._session_seconds:
            handle = tink.new_keyset_handle(SESSION_TEMPLATE)
            epoch = self._kek.current_epoch(reader)
            sealed = self._kek.seal(reader, epoch, proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
            held = self._sessions[reader] = (now, epoch, sealed, handle.primitive(Aead))
        return held


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
        self._sessions: OrderedDict[bytes, tuple[float, Aead]] = OrderedDict()

    def unwrap(self, key: WrappedKey, subject_id: str) -> bytes:
        """The key material. Raises KekUnavailable (epoch destroyed) or EnvelopeNotAuthentic (not this subject's)."""
        try:
            material: bytes = self._session(key).decrypt(key.wrapped, _context(subject_id, self._reader))
        except TinkError:
            raise EnvelopeNotAuthentic from None
        return material

    def _session(self, key: WrappedKey) -> Aead:
        now = self._clock()
        held = self._sessions.get(key.session)
        if held is None or now - held[0] >= self._remember_seconds:
            handle = proto_keyset_format.parse(self._kek.open(key.epoch, key.session), secret_key_access.TOKEN)
            held = self._sessions[key.session] = (now, handle.primitive(Aead))
            self._sessions.move_to_end(key.session)
            if len(self._sessions) > REMEMBERED_SESSIONS:
                self._sessions.popitem(last=False)
        return held[1]
