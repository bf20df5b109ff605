"""Seal a person's contact for the privacy service, once the person has asked for something (purpose 3.2.6).

The contact comes from the newest order, and travels in the answer to RestrictSubject: before that, the privacy
service can open nothing of anybody.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from services.intake.order_store import OrderStore
from shared.contracts.erasure import SubjectRestricted
from shared.erasure.participant import ContactWanted
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, seal
from shared.sealing.kek import KekUnavailable
from shared.sealing.keyring import Fenced, Held, KeyringReader, Unknown
from shared.sealing.opener import Opener, Sealed
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper

PURPOSE = "3.2.6"
log = structlog.get_logger()


class ContactSealing:
    def __init__(
        self, orders: OrderStore, keyring: KeyringReader, opener: Opener, unwrapper: KeyUnwrapper, policy: Policy
    ) -> None:
        self._orders = orders
        self._keyring = keyring
        self._opener = opener
        self._unwrapper = unwrapper
        self._fields = {
            reader: policy.fields_for(reader) for reader in policy.topic(SubjectRestricted.TOPIC).sealed_for
        }

    async def contacts(self, wanted: Sequence[ContactWanted]) -> Mapping[str, dict[str, bytes]]:
        """Answer's event id → reader → envelope. Who has no order any more, or no key, has no contact either."""
        newest = await self._orders.newest_sealed({item.subject_id for item in wanted})
        states = await self._keyring.states(newest, fresh=True)
        found: dict[str, dict[str, bytes]] = {}
        for item in wanted:
            if item.subject_id in newest:
                found[item.event_id] = self._contact(item, newest[item.subject_id], states[item.subject_id])
        return found

    def _contact(self, item: ContactWanted, newest: Sealed, state: Held | Fenced | Unknown) -> dict[str, bytes]:
        if not isinstance(state, Held):
            return {}
        try:
            person = self._opener.open_with(state, newest, self._opener.granted(PURPOSE), PURPOSE)
            keys = SubjectKeys.from_column(item.subject_id, state.column, self._unwrapper)
        except (EnvelopeNotAuthentic, KekUnavailable) as refusal:  # one person's: the others are answered
            log.error("contact_not_readable", subject_id=item.subject_id, error=type(refusal).__name__)
            return {}
        return {reader: self._seal(person, reader, item, keys) for reader in self._fields}

    def _seal(self, person: Mapping[str, Any], reader: str, item: ContactWanted, keys: SubjectKeys) -> bytes:
        fields = {name: value for name, value in person.items() if name in self._fields[reader]}
        return seal(fields, Binding(item.event_id, item.event_type, item.subject_id, reader), keys.of(reader))
