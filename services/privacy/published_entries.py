"""How far each subject's entry in the topic `suppressions` is, small enough in memory for ten million of them."""

from collections.abc import Iterator, Mapping
from typing import Final

ID_BYTES: Final = 16
GROUPS: Final = 256


class PublishedEntries:
    """17 bytes an entry, in the groups of their ids' first byte, so that only one group at a time is a mapping."""

    def __init__(self) -> None:
        self._groups = [bytearray() for _ in range(GROUPS)]

    def note(self, subject_id: str, keys_destroyed: int) -> None:
        """In any order, as often as one likes: the entry that destroyed most keys counts."""
        raw = bytes.fromhex(subject_id)
        self._groups[raw[0]] += raw + bytes((keys_destroyed,))

    def groups(self) -> Iterator[tuple[str, Mapping[str, int]]]:
        """The two hex digits that a group's ids begin with, and of each id how many readers' keys were destroyed."""
        for number, group in enumerate(self._groups):
            found: dict[str, int] = {}
            for start in range(0, len(group), ID_BYTES + 1):
                subject_id, destroyed = group[start : start + ID_BYTES].hex(), group[start + ID_BYTES]
                found[subject_id] = max(destroyed, found.get(subject_id, 0))
            yield f"{number:02x}", found
