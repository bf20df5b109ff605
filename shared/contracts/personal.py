"""The personal fields an order brings, by the names the policy file gives them (clauses 2.2.1–2.2.5, 2.3)."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints

from shared.contracts.event import Contract

Language = Literal["kk", "ru", "en"]


class Address(Contract):
    locality: str
    line: str
    postcode: str | None = None


class OrderItem(Contract):
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    quantity: PositiveInt
    price_kzt: NonNegativeInt


class PersonalData(Contract):
    """Every personal field collected on ordering; the policy has a row for each. Prints nothing of itself."""

    family_name: str = Field(repr=False)
    given_name: str = Field(repr=False)
    patronymic: str | None = Field(default=None, repr=False)
    phone: str = Field(repr=False, description="E.164, Kazakhstan")
    email: str = Field(repr=False, description="Lower case, NFC")
    delivery_address: Address = Field(repr=False)
    residence: Address | None = Field(default=None, repr=False)
    order_items: tuple[OrderItem, ...] = Field(repr=False)
    amount_to_collect: NonNegativeInt = Field(repr=False, description="KZT; 0 where prepaid")
    language: Language = Field(repr=False)
