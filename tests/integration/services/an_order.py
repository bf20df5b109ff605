"""The order form of a made-up person, as a shop sends it."""

from typing import Any

from shared.contracts.personal import PersonalData


def order_form(person: PersonalData, *, promotions: bool = False) -> dict[str, Any]:
    fields = person.model_dump(mode="json")
    return {
        "name": {
            "family": fields["family_name"],
            "given": fields["given_name"],
            "patronymic": fields["patronymic"],
        },
        "phone": fields["phone"],
        "email": fields["email"],
        "delivery_address": fields["delivery_address"],
        "residence": fields["residence"],
        "items": fields["order_items"],
        "payment": {"method": "on_delivery" if person.amount_to_collect else "prepaid"},
        "language": fields["language"],
        "consent": {"policy_version": "2026-01", "promotions": promotions},
    }
