"""What is kept in memory for a bounded time: not used beyond its age, and not kept beyond it either."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Forgetful(Generic[K, V]):
    """At most `size` entries, none older than `max_age_seconds`, asked for again or not. Within an event loop a timer
    forgets them; outside one (a tool, a test) the next entry does."""

    def __init__(self, max_age_seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_age_seconds = max_age_seconds
        self._size = size
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._forgetting: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: K) -> V:
        return self._entries[key][1]

    def now(self) -> float:
        return self._clock()

    def holds(self, key: K, *, younger_than: float | None = None) -> bool:
        """Whether there is an entry that may still be used; or one younger than that, in seconds."""
        entry = self._entries.get(key)
        limit = self.max_age_seconds if younger_than is None else younger_than
        return entry is not None and self._clock() - entry[0] < limit

    def keep(self, key: K, value: V, since: float) -> V:
        """`since`: by `now`, before it was read: its age counts from there."""
        self._entries.pop(key, None)
        self._entries[key] = (since, value)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        self._forget_later()
        return value

    def get_or_keep(self, key: K, make: Callable[[], V]) -> V:
        """The entry that may still be used, else a new one."""
        if self.holds(key):
            return self[key]
        since = self._clock()
        return self.keep(key, make(), since)

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)

    def forget_old(self) -> None:
        while self._entries and self.oldest_seconds() >= self.max_age_seconds:
            self._entries.popitem(last=False)

    def oldest_seconds(self) -> float:
        """Age of the oldest entry; 0 where there is none."""
        return self._clock() - next(iter(self._entries.values()))[0] if self._entries else 0.0

    def _forget_later(self) -> None:
        if self._forgetting is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.forget_old()
            return
        due_in = max(0.0, self.max_age_seconds - self.oldest_seconds())
        self._forgetting = loop.call_later(due_in, self._forget_now)

    def _forget_now(self) -> None:
        self._forgetting = None
        self.forget_old()
        if self._entries:
            self._forget_later()
