"""Seal an order: one envelope per reader with the fields the policy grants it, and intake's own with all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.intake.order import Channel, Placed
from services.intake.order_form import OrderForm
from services.intake.reader_envelopes import ReaderEnvelopes
from shared.contracts.consents import ConsentGiven
from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import Outgoing, new_id
from shared.policy.model import Policy
from shared.policy.rows import Language, PolicyVersion
from shared.sealing.subject_keys import SubjectKeys
from shared.stores.mongo import Document


@dataclass(frozen=True, slots=True)
class SealedOrder:
    """An order with its consent as they are stored, and the events that tell of them."""

    placed: Placed
    order: Document
    consent: Document
    events: tuple[Outgoing, Outgoing]


class OrderSealer:
    """An order as it is stored and told of. Reads once from the policy which texts were agreed to."""

    def __init__(self, policy: Policy, *, publisher: str, shop: str) -> None:
        self._envelopes = ReaderEnvelopes(policy, publisher=publisher)
        self._texts = {version.version: _hashes(version) for version in policy.versions}
        self._publisher = publisher
        self._shop = shop

    def seal(self, form: OrderForm, keys: SubjectKeys, now: datetime, channel: Channel = "shop") -> SealedOrder:
        order_id, consent_id, event_id = new_id(), new_id(), new_id()
        sealed = self._envelopes.seal(form.personal(), keys, event_id, OrderPlaced.type_name())
        own = sealed.pop(self._publisher)
        placed = OrderPlaced(
            subject_id=keys.subject_id,
            order_id=order_id,
            placed_at=now,
            payment_method=form.payment.method,
            consent_id=consent_id,
            promotions=form.consent.promotions,
            item_count=len(form.items),
            sealed=sealed,
        )
        given = ConsentGiven(
            subject_id=keys.subject_id,
            consent_id=consent_id,
            policy_version=form.consent.policy_version,
            text_sha256=self._texts[form.consent.policy_version][form.language],
            language=form.language,
            promotions=form.consent.promotions,
            given_at=now,
        )
        return SealedOrder(
            Placed(order_id, keys.subject_id, form.amount_kzt),
            self._order(form, placed, event_id, own),
            _consent(given, channel),
            (Outgoing(placed, event_id, now), Outgoing(given, new_id(), now)),
        )

    def _order(self, form: OrderForm, placed: OrderPlaced, event_id: str, own: bytes) -> Document:
        return {
            "_id": placed.order_id,
            "subject_id": placed.subject_id,
            "consent_id": placed.consent_id,
            "event_id": event_id,
            "event_type": placed.type_name(),
            "sealed": own,
            "status": "placed",
            "payment_method": placed.payment_method,
            "amount_kzt": form.amount_kzt,
            "item_count": placed.item_count,
            "shop": self._shop,
            "placed_at": placed.placed_at,
        }


def _consent(given: ConsentGiven, channel: Channel) -> Document:
    fields = given.model_dump(exclude={"consent_id"})
    return {"_id": given.consent_id, **fields, "channel": channel}


def _hashes(version: PolicyVersion) -> Mapping[Language, str]:
    return {language: version.text_sha256(language) for language in version.consent_text}
