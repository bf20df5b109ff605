"""Seal a person's contact for the privacy service, once the person has asked for something (purpose 3.2.6).

The contact comes from the newest order, and travels in the answer to RestrictSubject: before that, the privacy
service can open nothing of anybody.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from services.intake.opening_store import Opening, OpeningStore
from services.intake.order_store import OrderStore
from shared.contracts.erasure import SubjectRestricted
from shared.erasure.participant import ContactWanted
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.keyring import Fenced, Held, KeyringReader, Unknown
from shared.sealing.opener import Opener, PurposeRefused
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper

PURPOSE = "3.2.6"
WHAT = "contact_for_letters"
log = structlog.get_logger()


class ContactSealing:
    def __init__(
        self,
        orders: OrderStore,
        openings: OpeningStore,
        keyring: KeyringReader,
        opener: Opener,
        unwrapper: KeyUnwrapper,
        policy: Policy,
    ) -> None:
        self._orders = orders
        self._openings = openings
        self._keyring = keyring
        self._opener = opener
        self._unwrapper = unwrapper
        self._fields = {
            reader: policy.fields_for(reader) for reader in policy.topic(SubjectRestricted.TOPIC).sealed_for
        }

    async def contacts(self, wanted: Sequence[ContactWanted]) -> Mapping[str, dict[str, bytes]]:
        """Answer's event id → reader → envelope. Who has no order any more, or no key, has no contact either: stopping
        waits for no letter."""
        newest = await self._orders.newest_sealed({item.subject_id for item in wanted})
        try:
            opened = await self._opener.open_many(list(newest.values()), purpose=PURPOSE, fresh=True)
        except PurposeRefused as refusal:
            log.error("contacts_not_granted", purpose=PURPOSE, error=type(refusal).__name__)
            return {}
        people = dict(zip(newest, opened, strict=True))
        openings = [
            _opening(item, person) for item in wanted if isinstance(person := people.get(item.subject_id), dict)
        ]
        await self._openings.note(openings, datetime.now(UTC))
        states = await self._keyring.states(newest)
        await self._keyring.prepare(states.values())
        return {
            item.event_id: self._contact(item, people[item.subject_id], states[item.subject_id])
            for item in wanted
            if item.subject_id in people
        }

    def _contact(
        self, item: ContactWanted, person: Mapping[str, Any] | Exception, state: Held | Fenced | Unknown
    ) -> dict[str, bytes]:
        if isinstance(person, Exception) or not isinstance(state, Held):
            log.warning("contact_not_readable", subject_id=item.subject_id, error=type(person).__name__)
            return {}
        keys = SubjectKeys.from_column(item.subject_id, state.column, self._unwrapper)
        contact: dict[str, bytes] = {}
        for reader, granted in self._fields.items():
            if fields := {name: value for name, value in person.items() if name in granted}:
                binding = Binding(item.event_id, item.event_type, item.subject_id, reader)
                contact[reader] = seal(fields, binding, keys.of(reader))
        return contact


def _opening(item: ContactWanted, person: Mapping[str, Any]) -> Opening:
    """One for a case, however often its command is read."""
    opening_id = hashlib.blake2b(item.case_id.encode(), digest_size=16, person=b"opening").hexdigest()
    return Opening(item.subject_id, WHAT, PURPOSE, tuple(sorted(person)), opening_id=opening_id)
