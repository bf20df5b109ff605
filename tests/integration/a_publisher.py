"""Intake's stand-in: makes people and keys, seals as the policy says, and hands events out as they would come."""

from collections.abc import Collection
from typing import Any, Final

from deploy.local.stack import LocalStack
from shared.contracts.orders import OrderCorrected, OrderPlaced
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
from tests.builders import NOON, a_person, an_order_placed, at, received

READERS: Final = ("delivery", "notifications")


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
        sealed = self._sealed(keys, person or a_person(), event_id, OrderPlaced.type_name())
        event = an_order_placed(**{"subject_id": keys.subject_id, "sealed": sealed, **changes})
        return received(event, event_id=event_id)

    def correction_of(
        self,
        keys: SubjectKeys,
        order: Received[OrderPlaced],
        person: PersonalData,
        *fields: str,
        sequence: int = 1,
        readers: Collection[str] = READERS,
    ) -> Received[OrderCorrected]:
        """`person`: as it is now, of whom these fields were corrected."""
        event_id = new_id()
        sealed = self._sealed(keys, person, event_id, OrderCorrected.type_name())
        event = OrderCorrected(
            subject_id=keys.subject_id,
            order_id=order.event.order_id,
            placed_at=order.event.placed_at,
            payment_method=order.event.payment_method,
            sequence=sequence,
            corrected_at=at(sequence),
            fields=fields,
            sealed={reader: envelope for reader, envelope in sealed.items() if reader in readers},
        )
        return received(event, event_id=event_id)

    def _sealed(self, keys: SubjectKeys, person: PersonalData, event_id: str, event_type: str) -> dict[str, bytes]:
        fields = person.model_dump(mode="json")
        return {
            reader: seal(
                {name: value for name, value in fields.items() if name in self._policy.fields_for(reader)},
                Binding(event_id, event_type, keys.subject_id, reader),
                keys.of(reader),
            )
            for reader in self._policy.readers
            if reader in READERS
        }

    async def order(self, person: PersonalData | None = None, **changes: Any) -> Received[OrderPlaced]:
        """An order of somebody new."""
        return self.order_of(await self.somebody(), person, **changes)

    async def destroy_keys(self, subject_id: str) -> None:
        """As the privacy service does at the end: the document stays as a fence."""
        await self.administrator[DATABASE][SUBJECTS].update_one({"_id": subject_id}, {"$set": {"keys": {}}})
