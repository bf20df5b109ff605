"""Made-up people of the crash matrix: each cell has its own. All share a surname nobody has, and numbers that no
operator gives out, so that one search finds any of them."""

import random
from dataclasses import dataclass
from typing import Any

SURNAME = "Қиратылмасұлы"
STREET = "Ақаусыз көшесі"
PHONE_PREFIX = "+7700888"


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    residence: str | None
    items: int

    @property
    def email(self) -> str:
        return f"crash-cell-{self.number:04}@example.kz"

    @property
    def phone(self) -> str:
        return f"{PHONE_PREFIX}{self.number:04}"

    def order(self, policy_version: str) -> dict[str, Any]:
        """The order form, promotions chosen. In English, so that mails can be told apart by their subjects."""
        return {
            "name": {"family": SURNAME, "given": "Төзім", "patronymic": None},
            "phone": self.phone,
            "email": self.email,
            "delivery_address": {"locality": "Алматы", "line": f"{STREET} {self.number}", "postcode": None},
            "residence": {"locality": "Талдықорған", "line": self.residence} if self.residence else None,
            "items": [{"title": "Төзімді құмыра", "quantity": self.items, "price_kzt": 2_500}],
            "payment": {"method": "on_delivery"},
            "language": "en",
            "consent": {"policy_version": policy_version, "promotions": True},
        }


def somebody(number: int, chance: random.Random) -> Person:
    """`number` below 10,000: nobody else of this run has it."""
    residence = f"{STREET} {chance.randint(1, 999)}-б" if chance.random() < 0.5 else None
    return Person(number, residence, chance.randint(1, 5))


def needles() -> dict[str, str]:
    """What a search for all of them looks for, by what it is."""
    return {"surname": SURNAME, "street": STREET, "phone": PHONE_PREFIX, "e-mail": "crash-cell-"}
