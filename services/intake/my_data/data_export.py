"""A person's data as a file for machines: everything their page shows, by the policy's names (clause 4.2.1)."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.intake.my_data.held_data import OF_THE_ORDER, HeldData, OpenedOrder
from shared.erasure.ask_stores import Inspection
from shared.policy.model import Policy


def export_of(held: HeldData, inspection: Inspection | None, policy: Policy, now: datetime) -> dict[str, Any]:
    """JSON-ready; times in ISO 8601, UTC. complete: whether it is all there is of the person."""
    return {
        "controller": policy.controller.model_dump(mode="json"),
        "made_at": now.isoformat(),
        "complete": held.whole,
        "kept_until": "the consent is withdrawn",
        "sealed_copies_gone_after_days": policy.kafka_horizon.days,
        "person": held.of_the_person(policy.fields),
        "orders": [_order(order) for order in held.orders],
        "call_backs": [{"requested_at": asked.requested_at.isoformat(), **asked.fields} for asked in held.call_backs],
        "consents": [_plain(asdict(consent)) for consent in held.consents],
        "corrections": [_plain(asdict(correction)) for correction in held.corrections],
        "promotions": held.promotions,
        "purposes": {name: _purposes(policy, name) for name in policy.fields_for("intake")},
        "stores": _stores(inspection),
        "uses": [use.model_dump(mode="json") for use in inspection.uses] if inspection else [],
        "not_answered": list(inspection.missing) if inspection else list(policy.erasing_stores),
    }


def _order(order: OpenedOrder) -> dict[str, Any]:
    return {
        **_plain(asdict(order.held.state)),
        "payment_method": order.held.payment_method,
        "amount_kzt": order.held.amount_kzt,
        **{name: order.fields[name] for name in OF_THE_ORDER if name in order.fields},
    }


def _purposes(policy: Policy, name: str) -> list[dict[str, Any]]:
    """Who uses the field for what."""
    return [
        {"reader": reader, "purpose": purpose, "title": policy.purposes[purpose].title}
        for reader, purposes in policy.fields[name].grants.items()
        for purpose in purposes
    ]


def _stores(inspection: Inspection | None) -> dict[str, Any]:
    if inspection is None:
        return {}
    return {
        store: {
            "answered_at": answer.inspected_at.isoformat(),
            "collections": {name: count.model_dump(mode="json") for name, count in answer.collections.items()},
        }
        for store, answer in inspection.answers.items()
    }


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
        if value is not None
    }
