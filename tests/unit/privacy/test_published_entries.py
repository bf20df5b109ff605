"""Ten million entries are remembered exactly, in a few hundred megabytes."""

import tracemalloc

from services.privacy.published_entries import GROUPS, PublishedEntries
from shared.messaging.cloudevents import new_id

ENTRIES = 20_000
MOST_BYTES_AN_ENTRY = 32  # a dictionary of them takes over a hundred


def test_the_entry_that_destroyed_most_keys_counts() -> None:
    entries, one, other = PublishedEntries(), "ab" * 16, "ab" + "cd" * 15
    for subject_id, destroyed in ((one, 0), (other, 2), (one, 4), (one, 3)):
        entries.note(subject_id, destroyed)
    groups = dict(entries.groups())
    assert groups["ab"] == {one: 4, other: 2}
    assert len(groups) == GROUPS
    assert sum(map(len, groups.values())) == 2


def test_ten_million_have_room() -> None:
    ids = [new_id() for _ in range(ENTRIES)]
    tracemalloc.start()
    try:
        entries = PublishedEntries()
        for subject_id in ids:
            entries.note(subject_id, 4)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / ENTRIES < MOST_BYTES_AN_ENTRY
    assert sum(len(group) for _, group in entries.groups()) == ENTRIES
