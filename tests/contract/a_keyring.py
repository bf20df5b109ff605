"""The keyring behind its view: in memory, and in MongoDB as the reader itself may see it. One set of scenarios."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from deploy.local.stack import LocalStack
from shared.messaging.cloudevents import new_id
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringView
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from shared.stores.keyring_view import DATABASE, SUBJECTS, MongoKeyringView
from shared.stores.mongo import Client, connect
from tests.builders import NOON
from tests.unit.sealing.a_keyring import READERS, FakeKeyring

READER = "delivery"


class Counted:
    """A view that counts its look-ups."""

    def __init__(self, view: KeyringView) -> None:
        self._view = view
        self.lookups = 0

    async def columns(self, subject_ids: Collection[str]) -> Mapping[str, Mapping[str, Any] | None]:
        self.lookups += 1
        return await self._view.columns(subject_ids)


class Keyring(Protocol):
    """`view` is delivery's; the rest is what intake and the privacy service do."""

    view: Counted

    def unwrapper(self) -> KeyUnwrapper: ...
    async def add(self) -> SubjectKeys: ...
    async def destroy(self, subject_id: str) -> None: ...
    def close(self) -> None: ...


class InMemory:
    def __init__(self, keys_root: Path) -> None:
        self._fake = FakeKeyring(keys_root, READER)
        self.view = Counted(self._fake)

    def unwrapper(self) -> KeyUnwrapper:
        return self._fake.unwrapper()

    async def add(self) -> SubjectKeys:
        return self._fake.add()

    async def destroy(self, subject_id: str) -> None:
        self._fake.destroy(subject_id)

    def close(self) -> None:
        pass


class InMongo:
    def __init__(self, stores: LocalStack, administrator: Client) -> None:
        self._keys_root = stores.layout.keys
        self._subjects = administrator[DATABASE][SUBJECTS]
        self._client = connect(stores.mongodb_uri(READER), service=READER)
        self.view = Counted(MongoKeyringView(self._client, READER))
        self._wrapper = KeyWrapper(KekFiles(self._keys_root / "intake", "intake"), 3_600)

    def unwrapper(self) -> KeyUnwrapper:
        return KeyUnwrapper(KekFiles(self._keys_root / READER, READER), READER, 60)

    async def add(self) -> SubjectKeys:
        keys = SubjectKeys.create(new_id(), READERS)
        columns = {name: key.document() for name, key in keys.columns(self._wrapper, "intake").items()}
        await self._subjects.insert_one({"_id": keys.subject_id, "keys": columns, "created_at": NOON})
        return keys

    async def destroy(self, subject_id: str) -> None:
        change = {"$unset": {f"keys.{READER}": ""}, "$set": {"fenced_at": NOON}}
        await self._subjects.update_one({"_id": subject_id}, change)

    def close(self) -> None:
        self._client.close()
