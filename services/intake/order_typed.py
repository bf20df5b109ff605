"""The order page's fields: what was typed in them, kept as typed, and the order it makes, checked by nobody here.

Field names of items carry the row: `item-0-title`. An empty field was left out; an empty row is no item.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic_core import to_json

from services.intake.form_rules import Place
from services.intake.order_form import MAX_ITEMS
from shared.messaging.cloudevents import new_id
from shared.pages.render import N_
from shared.policy.rows import Language

# Field → (path in the order, label)
FIELDS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "family_name": (("name", "family"), N_("Surname")),
    "given_name": (("name", "given"), N_("Given name")),
    "patronymic": (("name", "patronymic"), N_("Patronymic")),
    "phone": (("phone",), N_("Phone")),
    "email": (("email",), N_("E-mail")),
    "delivery_locality": (("delivery_address", "locality"), N_("Town or village")),
    "delivery_line": (("delivery_address", "line"), N_("Street, house, flat")),
    "delivery_postcode": (("delivery_address", "postcode"), N_("Postcode")),
    "residence_locality": (("residence", "locality"), N_("Town or village of residence")),
    "residence_line": (("residence", "line"), N_("Street, house, flat of residence")),
    "residence_postcode": (("residence", "postcode"), N_("Postcode of residence")),
    "payment": (("payment", "method"), N_("Payment")),
}
ITEM: Final[Mapping[str, str]] = {
    "title": N_("Item %(row)d, what"),
    "quantity": N_("Item %(row)d, how many"),
    "price_kzt": N_("Item %(row)d, price"),
}
CONSENT: Final = N_("Consent")
ORDER: Final = N_("Order")
NEW_ROW: Final[Mapping[str, str]] = {"title": "", "quantity": "1", "price_kzt": ""}
_ROW = re.compile(r"item-(\d{1,3})-(title|quantity|price_kzt)")
_KEY = re.compile(r"[0-9a-f]{32}")
_PATHS: Final = {path: name for name, (path, _) in FIELDS.items()}


@dataclass(frozen=True, slots=True)
class OrderTyped:
    """key: made with the form, so that a form sent twice is one order. Prints nothing of it."""

    values: Mapping[str, str]
    items: tuple[Mapping[str, str], ...]
    consent: bool
    promotions: bool
    policy_version: str
    key: str

    def __repr__(self) -> str:
        return f"OrderTyped({len(self.items)} items)"

    @classmethod
    def nothing(cls) -> "OrderTyped":
        return cls(dict.fromkeys(FIELDS, ""), (NEW_ROW,), False, False, "", new_id())

    @classmethod
    def of(cls, typed: Mapping[str, str]) -> "OrderTyped":
        """What a browser sent. Fields the page does not have are not looked at."""
        rows: dict[int, dict[str, str]] = {}
        for name, value in typed.items():
            if match := _ROW.fullmatch(name):
                rows.setdefault(int(match[1]), dict(NEW_ROW))[match[2]] = value
        key = typed.get("key", "")
        return cls(
            values={name: typed.get(name, "") for name in FIELDS},
            items=tuple(rows[row] for row in sorted(rows)[:MAX_ITEMS]) or (NEW_ROW,),
            consent="consent" in typed,
            promotions="promotions" in typed,
            policy_version=typed.get("policy_version", ""),
            key=key if _KEY.fullmatch(key) else new_id(),
        )

    def with_row(self) -> "OrderTyped":
        return replace(self, items=(*self.items, NEW_ROW)[:MAX_ITEMS])

    def without_row(self, row: int) -> "OrderTyped":
        left = tuple(item for index, item in enumerate(self.items) if index != row)
        return replace(self, items=left or (NEW_ROW,))

    def asked_again(self) -> "OrderTyped":
        """Another order with the same contents, should it be sent: under a key of its own."""
        return replace(self, key=new_id())

    def without_consent(self) -> "OrderTyped":
        return replace(self, consent=False)

    def body(self, language: Language) -> bytes:
        """The order as a shop would send it, in JSON."""
        order: dict[str, Any] = {"name": {}, "delivery_address": {}, "payment": {}, "language": language}
        for name, (path, _) in FIELDS.items():
            if value := self.values[name].strip():
                *parents, last = path
                place = order
                for parent in parents:
                    place = place.setdefault(parent, {})
                place[last] = value
        order["items"] = [_item(self.items[row]) for row in self._rows()]
        if self.consent:
            order["consent"] = {"policy_version": self.policy_version, "promotions": self.promotions}
        return to_json(order)

    def place_of(self, path: tuple[str | int, ...]) -> Place:
        """Where on the page the value at this path of the order was typed."""
        match path:
            case ("items", int(index), str(part)) if part in ITEM:
                row = self._rows()[index]
                return f"item-{row}-{part}", ITEM[part], {"row": row + 1}
            case ("consent", *_):
                return "consent", CONSENT, {}
            case _ if path in _PATHS:
                name = _PATHS[path]  # type: ignore[index]
                return name, FIELDS[name][1], {}
            case _:
                return "order", ORDER, {}

    def _rows(self) -> list[int]:
        """Rows that hold an item; the first where none does, so that it can be asked for."""
        filled = [row for row, item in enumerate(self.items) if item["title"].strip() or item["price_kzt"].strip()]
        return filled or [0]


def _item(typed: Mapping[str, str]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if title := typed["title"].strip():
        item["title"] = title
    for name in ("quantity", "price_kzt"):
        if value := "".join(typed[name].split()):
            item[name] = int(value) if value.isascii() and value.isdigit() and len(value) < 12 else value
    return item
