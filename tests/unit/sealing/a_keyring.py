"""A keyring in memory with real keys: what `KeyringReader` asks, and what changes it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from shared.messaging.cloudevents import new_id
from shared.sealing.kek_files import KekFiles, create_epoch
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper

READERS = ("intake", "delivery", "notifications", "privacy")


class FakeKeyring:
    """`KeyringView` of one reader. Counts its look-ups."""

    def __init__(self, keys_root: Path, reader: str = "delivery") -> None:
        self.reader = reader
        self.lookups: list[list[str]] = []
        self.rows: dict[str, Mapping[str, Any] | None] = {}
        self._keys_root = keys_root
        for name in READERS:
            create_epoch(keys_root, name, 1)
        self._wrapper = KeyWrapper(KekFiles(keys_root / "intake", "intake"), 3_600)

    async def columns(self, subject_ids: Collection[str]) -> Mapping[str, Mapping[str, Any] | None]:
        self.lookups.append(list(subject_ids))
        return {subject_id: self.rows[subject_id] for subject_id in subject_ids if subject_id in self.rows}

    def unwrapper(self, remember_seconds: float = 60) -> KeyUnwrapper:
        return KeyUnwrapper(KekFiles(self._keys_root / self.reader, self.reader), self.reader, remember_seconds)

    def add(self) -> SubjectKeys:
        keys = SubjectKeys.create(new_id(), READERS)
        self.rows[keys.subject_id] = keys.columns(self._wrapper, "intake")[self.reader].document()
        return keys

    def destroy(self, subject_id: str) -> None:
        """As an erasure does: the document stays, the column goes."""
        self.rows[subject_id] = None
