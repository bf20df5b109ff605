"""What a person types to correct a field: the rules are the order form's (clauses 2.2.1–2.2.5)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from services.intake.form_rules import Place
from services.intake.order_form import AddressForm
from shared.contracts.kazakhstan import Email, PersonName, Phone
from shared.contracts.personal import Language
from shared.pages.render import N_

ADDRESS_PARTS: Final[Mapping[str, str]] = {
    "locality": N_("Town or village"),
    "line": N_("Street, house, flat"),
    "postcode": N_("Postcode"),
}
LABELS: Final[Mapping[str, str]] = {
    "family_name": N_("Surname"),
    "given_name": N_("Given name"),
    "patronymic": N_("Patronymic"),
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "residence": N_("Place of residence"),
    "language": N_("Language"),
    "delivery_address": N_("Delivery address"),
}
ADDRESSES: Final = frozenset({"residence", "delivery_address"})
_RULES: Final[Mapping[str, TypeAdapter[Any]]] = {
    "family_name": TypeAdapter(PersonName),
    "given_name": TypeAdapter(PersonName),
    "patronymic": TypeAdapter(PersonName),
    "phone": TypeAdapter(Phone),
    "email": TypeAdapter(Email),
    "residence": TypeAdapter(AddressForm),
    "language": TypeAdapter(Language),
    "delivery_address": TypeAdapter(AddressForm),
}


def inputs_of(name: str) -> tuple[str, ...]:
    """Names of the inputs a field is typed in."""
    return tuple(ADDRESS_PARTS) if name in ADDRESSES else (name,)


def typed_from(name: str, value: Any) -> dict[str, str]:
    """The inputs of a value as it is held; None where it is not."""
    if name in ADDRESSES:
        return {part: str((value or {}).get(part) or "") for part in ADDRESS_PARTS}
    return {name: "" if value is None else str(value)}


def read_value(name: str, typed: Mapping[str, str]) -> Any:
    """In its normal form, JSON-ready. Raises pydantic's ValidationError: its place in the form is `place_of`."""
    if name in ADDRESSES:
        parts = {part: text for part in ADDRESS_PARTS if (text := typed.get(part, "").strip())}
        return _RULES[name].validate_python(parts).model_dump(mode="json", exclude_none=True)
    return _RULES[name].validate_python(typed.get(name, ""))


def place_of(name: str, path: tuple[str | int, ...]) -> Place:
    match path:
        case (str(part), *_) if part in ADDRESS_PARTS:
            return part, ADDRESS_PARTS[part], {}
        case _:
            return inputs_of(name)[0], LABELS[name], {}
