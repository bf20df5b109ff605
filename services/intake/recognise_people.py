"""Know a person again by phone or e-mail, so that one person keeps one subject id and one set of keys.

The blind index leads from either to a subject. A subject that is restricted, fenced or erased is never used again:
the person who comes back after a withdrawal is a new subject, and the index leads there from then on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.intake.keyring_store import KeyringStore
from services.intake.order import Face
from services.intake.subject_store import SubjectStore
from shared.messaging.cloudevents import new_id
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from shared.stores.mongo import Session


@dataclass(slots=True)
class Recognised:
    """The keys of each face's subject, in the faces' order; and what is new."""

    keys: list[SubjectKeys] = field(default_factory=list)
    created: dict[str, SubjectKeys] = field(default_factory=dict)
    new_entries: dict[str, str] = field(default_factory=dict)
    changed_entries: dict[str, str] = field(default_factory=dict)


class Recognition:
    def __init__(
        self,
        keyring: KeyringStore,
        subjects: SubjectStore,
        *,
        publisher: str,
        readers: Collection[str],
        wrapper: KeyWrapper,
        unwrapper: KeyUnwrapper,
    ) -> None:
        self._keyring = keyring
        self._subjects = subjects
        self._publisher = publisher
        self._readers = readers
        self._wrapper = wrapper
        self._unwrapper = unwrapper

    async def recognise(self, faces: Sequence[Face], now: datetime, session: Session) -> Recognised:
        """Within the caller's transaction; new subjects, their keys and index entries are stored in it."""
        index = await self._keyring.find({entry for face in faces for entry in face.entries}, session)
        usable = await self._usable(set(index.values()), session)
        result = Recognised()
        for face in faces:
            result.keys.append(self._subject_of(face, index, usable, result))
        if result.created:
            await self._wrapper.prepare(self._readers)
        columns = {subject: keys.columns(self._wrapper, self._publisher) for subject, keys in result.created.items()}
        await self._keyring.add(columns, now, session)
        await self._keyring.point(result.new_entries, result.changed_entries, now, session)
        return result

    def _subject_of(
        self, face: Face, index: dict[str, str], usable: dict[str, SubjectKeys], result: Recognised
    ) -> SubjectKeys:
        """The phone decides where it and the e-mail lead to different people: families share an e-mail address."""
        known = [index.get(entry) for entry in face.entries]
        keys = next((usable[subject] for subject in known if subject in usable), None)
        if keys is None:
            keys = SubjectKeys.create(new_id(), self._readers)
            usable[keys.subject_id] = result.created[keys.subject_id] = keys
        for entry, subject in zip(face.entries, known, strict=True):
            if subject not in usable:
                changes = result.new_entries if subject is None else result.changed_entries
                changes[entry] = index[entry] = keys.subject_id
        return keys

    async def _usable(self, subject_ids: Collection[str], session: Session) -> dict[str, SubjectKeys]:
        if not subject_ids:
            return {}
        columns = await self._keyring.unfenced(subject_ids, session)
        unrestricted = await self._subjects.unrestricted(columns, session)
        await self._unwrapper.prepare(columns[subject_id] for subject_id in columns if subject_id in unrestricted)
        return {
            subject_id: SubjectKeys.from_column(subject_id, column, self._unwrapper)
            for subject_id, column in columns.items()
            if subject_id in unrestricted
        }
