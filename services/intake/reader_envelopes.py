"""Envelopes of an order: one per reader the policy names, with the fields it grants, and intake's own with all."""

from typing import Any

from shared.contracts.orders import OrderPlaced
from shared.contracts.personal import PersonalData
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.subject_keys import SubjectKeys


class ReaderEnvelopes:
    """Reads once from the policy who is sealed for, and with which fields."""

    def __init__(self, policy: Policy, *, publisher: str) -> None:
        readers = (publisher, *policy.topic(OrderPlaced.TOPIC).sealed_for)
        self._fields = {reader: policy.fields_for(reader) for reader in readers}
        self._publisher = publisher

    @property
    def of_publisher(self) -> frozenset[str]:
        """Names of the fields in the publisher's own envelope."""
        return self._fields[self._publisher]

    def seal(
        self,
        person: PersonalData,
        keys: SubjectKeys,
        event_id: str,
        event_type: str,
        *,
        corrected: frozenset[str] | None = None,
    ) -> dict[str, bytes]:
        """Reader → envelope, bound to the event. A reader without a granted field gets none, nor one that has no column
        of this person's in the keyring, because it came into the policy later, nor one that is granted nothing of what
        was `corrected`. The publisher always gets its own."""
        values: dict[str, Any] = person.model_dump(exclude_none=True)
        envelopes: dict[str, bytes] = {}
        for reader, granted in self._fields.items():
            fields = {name: value for name, value in values.items() if name in granted}
            concerned = bool(fields) and (corrected is None or bool(corrected & granted))
            if reader in keys.readers and (concerned or reader == self._publisher):
                binding = Binding(event_id, event_type, keys.subject_id, reader)
                envelopes[reader] = seal(fields, binding, keys.of(reader))
        return envelopes
