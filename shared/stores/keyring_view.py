"""The keyring in MongoDB, as each side may touch it."""

from collections.abc import Collection as Sized
from collections.abc import Mapping
from typing import Any, Final

from shared.stores.mongo import Client, Collection

DATABASE: Final = "keyring"
SUBJECTS: Final = "subjects"
PEOPLE: Final = "people"
EPOCHS: Final = "epochs"


def view_name(reader: str) -> str:
    return f"{reader}_keys"


class MongoKeyringView:
    """`shared.sealing.keyring.KeyringView` over the reader's MongoDB view."""

    def __init__(self, client: Client, reader: str) -> None:
        self._view: Collection = client[DATABASE][view_name(reader)]

    async def columns(self, subject_ids: Sized[str]) -> Mapping[str, Mapping[str, Any] | None]:
        found: dict[str, Mapping[str, Any] | None] = {}
        async for document in self._view.find({"_id": {"$in": list(subject_ids)}}, batch_size=1_000):
            found[document["_id"]] = document.get("key")
        return found
