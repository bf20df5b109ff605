"""What each reader asks for, by policy field name. `make check` refuses a view that asks for more than its rows.

Every field is optional here: a grant taken out of the policy file is simply absent at the next order.
"""

from typing import ClassVar

from pydantic import Field

from shared.contracts.event import Contract
from shared.contracts.personal import Address, Language


class ReaderView(Contract):
    """Fields opened for one reader. Prints nothing of itself."""

    READER: ClassVar[str]


class DeliveryView(ReaderView):
    """For handing a parcel to a courier (purposes 3.2.2, 3.2.3)."""

    READER = "delivery"

    family_name: str | None = Field(default=None, repr=False)
    given_name: str | None = Field(default=None, repr=False)
    patronymic: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    delivery_address: Address | None = Field(default=None, repr=False)
    amount_to_collect: int | None = Field(default=None, repr=False)


class NotificationsView(ReaderView):
    """For messages about an order and, where chosen, promotions (purposes 3.2.6, 3.2.8)."""

    READER = "notifications"

    given_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    language: Language | None = Field(default=None, repr=False)


class PrivacyView(ReaderView):
    """For letters to a person about their own request (purpose 3.2.6); sealed only once a case is open."""

    READER = "privacy"

    given_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    language: Language | None = Field(default=None, repr=False)
