"""The order form: what a shop may send of a person, and nothing else (clauses 2.2.1–2.2.5, 2.3).

An unknown field is refused by its name; a value that breaks a rule is answered with the rule. Neither the forms nor
their errors ever show a value.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from shared.contracts.kazakhstan import Email, PersonName, Phone, Postcode, TextLine
from shared.contracts.personal import Address, Language, OrderItem, PersonalData

MAX_ITEMS = 100
MAX_QUANTITY = 1_000
MAX_PRICE_KZT = 100_000_000


class Form(BaseModel):
    """What a person types, checked: nothing unknown is taken, and nothing of it is ever printed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return ()


class NameForm(Form):
    family: PersonName
    given: PersonName
    patronymic: PersonName | None = None


class AddressForm(Form):
    locality: Annotated[TextLine, Field(max_length=120)]
    line: TextLine
    postcode: Postcode | None = None


class ItemForm(Form):
    title: Annotated[TextLine, Field(max_length=200)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
    price_kzt: Annotated[int, Field(strict=True, ge=0, le=MAX_PRICE_KZT, description="Of one piece, in KZT")]


class PaymentForm(Form):
    method: Literal["prepaid", "on_delivery"]


class ConsentForm(Form):
    """An explicit act (clauses 5.1–5.2): to which text, and whether promotions were chosen (clause 3.2.8)."""

    policy_version: Annotated[str, Field(max_length=40)]
    promotions: Annotated[bool, Field(strict=True)] = False

    @field_validator("policy_version")
    @classmethod
    def _in_force(cls, value: str, info: ValidationInfo) -> str:
        in_force = (info.context or {})["version_in_force"]
        if value != in_force:
            raise ValueError(f"must be the version in force, {in_force}: show the person its text and ask again")
        return value


class OrderForm(Form):
    name: NameForm
    phone: Phone
    email: Email
    delivery_address: AddressForm
    residence: AddressForm | None = None
    items: Annotated[list[ItemForm], Field(min_length=1, max_length=MAX_ITEMS)]
    payment: PaymentForm
    language: Language
    consent: ConsentForm

    @property
    def amount_kzt(self) -> int:
        return sum(item.quantity * item.price_kzt for item in self.items)

    def personal(self) -> PersonalData:
        """The same person by the names the policy gives the fields."""
        return PersonalData(
            family_name=self.name.family,
            given_name=self.name.given,
            patronymic=self.name.patronymic,
            phone=self.phone,
            email=self.email,
            delivery_address=_address(self.delivery_address),
            residence=_address(self.residence) if self.residence else None,
            order_items=tuple(
                OrderItem(title=item.title, quantity=item.quantity, price_kzt=item.price_kzt) for item in self.items
            ),
            amount_to_collect=self.amount_kzt if self.payment.method == "on_delivery" else 0,
            language=self.language,
        )


def read_order(body: bytes, *, version_in_force: str) -> OrderForm:
    """The order in a JSON text. Raises pydantic's ValidationError: read its `errors(include_input=False)` only."""
    return OrderForm.model_validate_json(body, context={"version_in_force": version_in_force})


def _address(form: AddressForm) -> Address:
    return Address(locality=form.locality, line=form.line, postcode=form.postcode)
