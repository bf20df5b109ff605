"""Intake's stand-in: makes people and keys, seals as the policy says, and hands events out as they would come."""

from typing import Any

from deploy.local.stack import LocalStack
from shared.contracts.orders import OrderPlaced
from shared.contracts.personal import PersonalData
from shared.messaging.cloudevents import Received, new_id
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.kek_files import KekFiles
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyWrapper
from shared.stores.keyring_view import DATABASE, SUBJECTS
from shared.stores.mongo import connect
from tests.builders import NOON, a_person, an_order_placed, received


class Publisher:
    """Close it when done. `administrator` sees every database."""

    def __init__(self, stack: LocalStack, policy: Policy | None = None) -> None:
        self.administrator = connect(stack.info.mongodb.uri, service="test")
        self._policy = policy or load_policy()
        self._wrapper = KeyWrapper(KekFiles(stack.layout.keys / "intake", "intake"), 3_600)

    async def somebody(self) -> SubjectKeys:
        """A subject with keys for every reader."""
        (keys,) = await self.people(1)
        return keys

    async def people(self, count: int) -> list[SubjectKeys]:
        everybody = [SubjectKeys.create(new_id(), self._policy.readers) for _ in range(count)]
        await self.administrator[DATABASE][SUBJECTS].insert_many(
            [
                {
                    "_id": keys.subject_id,
                    "keys": {name: key.document() for name, key in keys.columns(self._wrapper, "intake").items()},
                    "fenced_at": None,
                    "created_at": NOON,
                }
                for keys in everybody
            ]
        )
        return everybody

    def order_of(self, keys: SubjectKeys, person: PersonalData | None = None, **changes: Any) -> Received[OrderPlaced]:
        """An order of that subject, sealed for each reader."""
        event_id = new_id()
        fields = (person or a_person()).model_dump(mode="json")
        readers = [reader for reader in self._policy.readers if reader in ("delivery", "notifications")]
        sealed = {
            reader: seal(
                {name: value for name, value in fields.items() if name in self._policy.fields_for(reader)},
                Binding(event_id, OrderPlaced.type_name(), keys.subject_id, reader),
                keys.of(reader),
            )
            for reader in readers
        }
        event = an_order_placed(**{"subject_id": keys.subject_id, "sealed": sealed, **changes})
        return received(event, event_id=event_id)

    async def order(self, person: PersonalData | None = None, **changes: Any) -> Received[OrderPlaced]:
        """An order of somebody new."""
        return self.order_of(await self.somebody(), person, **changes)

    async def destroy_keys(self, subject_id: str) -> None:
        """As the privacy service does at the end: the document stays as a fence."""
        await self.administrator[DATABASE][SUBJECTS].update_one({"_id": subject_id}, {"$set": {"keys": {}}})
