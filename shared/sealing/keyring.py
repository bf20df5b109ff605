"""A reader's window on the keyring: its own column, through its own MongoDB view.

One look-up per Kafka batch tells for every subject whether its key is held, destroyed (*fenced*) or unknown.
Answers are kept in memory no longer than `max_age_seconds` after they were read, whatever else happens; that
bound is how long an erased person's fields can at most still be opened by a running service.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tink.aead import Aead

from shared.sealing.forgetful import Forgetful
from shared.sealing.subject_keys import aead_of
from shared.sealing.wrapping import WrappedKey

DEFAULT_CACHE_SIZE = 50_000


class Unwrapper(Protocol):
    """`KeyUnwrapper` for a reader's column, `PublisherUnwrapper` for the publisher's."""

    def unwrap(self, key: WrappedKey, subject_id: str) -> bytes: ...

    async def prepare(self, keys: Iterable[WrappedKey]) -> None: ...


@dataclass(slots=True)
class Held:
    """The subject's key for this reader exists. It is unwrapped only when something is opened."""

    subject_id: str
    column: WrappedKey = field(repr=False)
    _unwrapper: Unwrapper = field(repr=False)
    _primitive: Aead | None = field(default=None, repr=False)

    @property
    def ready(self) -> bool:
        return self._primitive is not None

    def key(self) -> Aead:
        """Raises KekUnavailable where the epoch was destroyed. May wait for the KEK's provider: `prepare` first."""
        if self._primitive is None:
            self._primitive = aead_of(self._unwrapper.unwrap(self.column, self.subject_id))
        return self._primitive


@dataclass(frozen=True, slots=True)
class Fenced:
    """The subject was erased for this reader: whatever still arrives is acknowledged and changes nothing."""

    subject_id: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The keyring has no such subject: it cannot be decided what this is, so nothing is done with it."""

    subject_id: str


class KeyringView(Protocol):
    """`{_id, key: {epoch, session, wrapped} | missing}` documents of the asked subjects."""

    async def columns(self, subject_ids: Collection[str]) -> Mapping[str, Mapping[str, Any] | None]: ...


class KeyringReader:
    def __init__(
        self,
        view: KeyringView,
        unwrapper: Unwrapper,
        *,
        max_age_seconds: float,
        size: int = DEFAULT_CACHE_SIZE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._unwrapper = unwrapper
        self._cache: Forgetful[str, Held | Fenced] = Forgetful(max_age_seconds, size, clock)

    async def states(self, subject_ids: Iterable[str], *, fresh: bool = False) -> dict[str, Held | Fenced | Unknown]:
        """The state of each subject, at most `max_age_seconds` old; `fresh` asks MongoDB for all of them."""
        now = self._cache.now()
        found: dict[str, Held | Fenced | Unknown] = {}
        missing: list[str] = []
        for subject_id in dict.fromkeys(subject_ids):
            if not fresh and self._cache.holds(subject_id):
                found[subject_id] = self._cache[subject_id]
            else:
                missing.append(subject_id)
        if missing:
            columns = await self._view.columns(missing)
            for subject_id in missing:
                found[subject_id] = self._read(subject_id, columns, now)
        return found

    async def state(self, subject_id: str, *, fresh: bool = False) -> Held | Fenced | Unknown:
        return (await self.states([subject_id], fresh=fresh))[subject_id]

    async def prepare(self, states: Iterable[Held | Fenced | Unknown]) -> None:
        """Before keys are used: whatever needs the KEK's provider, which may be far away, is done off the event loop.
        Raises KekUnreachable."""
        await self._unwrapper.prepare([state.column for state in states if isinstance(state, Held) and not state.ready])

    def evict(self, subject_ids: Iterable[str]) -> None:
        for subject_id in subject_ids:
            self._cache.forget(subject_id)

    def oldest_seconds(self) -> float:
        """Age of the oldest cached answer; a metric."""
        return self._cache.oldest_seconds()

    def _read(
        self, subject_id: str, columns: Mapping[str, Mapping[str, Any] | None], now: float
    ) -> Held | Fenced | Unknown:
        if subject_id not in columns:
            return Unknown(subject_id)
        column = columns[subject_id]
        state: Held | Fenced = Fenced(subject_id)
        if column is not None:
            key = WrappedKey(column["epoch"], column["session"], column["wrapped"])
            state = Held(subject_id, key, self._unwrapper)
        return self._cache.keep(subject_id, state, since=now)
