"""A reader's window on the keyring: its own column, through its own MongoDB view.

One look-up per Kafka batch tells for every subject whether its key is held, destroyed (*fenced*) or unknown.
Answers are kept in memory no longer than `max_age_seconds` after they were read, whatever else happens; that
bound is how long an erased person's fields can at most still be opened by a running service.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tink.aead import Aead

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
        self._max_age = max_age_seconds
        self._size = size
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, Held | Fenced]] = OrderedDict()
        self._forgetting: asyncio.TimerHandle | None = None

    async def states(self, subject_ids: Iterable[str], *, fresh: bool = False) -> dict[str, Held | Fenced | Unknown]:
        """The state of each subject, at most `max_age_seconds` old; `fresh` asks MongoDB for all of them."""
        now = self._clock()
        found: dict[str, Held | Fenced | Unknown] = {}
        missing: list[str] = []
        for subject_id in dict.fromkeys(subject_ids):
            cached = None if fresh else self._cache.get(subject_id)
            if cached is not None and now - cached[0] < self._max_age:
                found[subject_id] = cached[1]
            else:
                missing.append(subject_id)
        if missing:
            columns = await self._view.columns(missing)
            for subject_id in missing:
                found[subject_id] = self._read(subject_id, columns, now)
            self._forget_later()
        return found

    async def state(self, subject_id: str, *, fresh: bool = False) -> Held | Fenced | Unknown:
        return (await self.states([subject_id], fresh=fresh))[subject_id]

    async def prepare(self, states: Iterable[Held | Fenced | Unknown]) -> None:
        """Before keys are used: whatever needs the KEK's provider, which may be far away, is done off the event loop.
        Raises KekUnreachable."""
        await self._unwrapper.prepare([state.column for state in states if isinstance(state, Held) and not state.ready])

    def evict(self, subject_ids: Iterable[str]) -> None:
        for subject_id in subject_ids:
            self._cache.pop(subject_id, None)

    def forget_old(self) -> None:
        """A key that may not be used any more is not kept either, though nobody asks for it again."""
        self._forgetting = None
        now = self._clock()
        while self._cache and now - next(iter(self._cache.values()))[0] >= self._max_age:
            self._cache.popitem(last=False)
        self._forget_later()

    def _forget_later(self) -> None:
        if self._cache and self._forgetting is None:
            due_in = max(0.0, self._max_age - self.oldest_seconds())
            self._forgetting = asyncio.get_running_loop().call_later(due_in, self.forget_old)

    def oldest_seconds(self) -> float:
        """Age of the oldest cached answer; a metric."""
        return self._clock() - next(iter(self._cache.values()))[0] if self._cache else 0.0

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
        self._cache.pop(subject_id, None)
        self._cache[subject_id] = (now, state)
        if len(self._cache) > self._size:
            self._cache.popitem(last=False)
        return state
