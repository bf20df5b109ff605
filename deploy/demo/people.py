"""The made-up people of the demo: names nobody else in the examples has, so that a search for them means something."""

from typing import Any

WAITING: dict[str, Any] = {
    "name": {"family": "Құлыншақова", "given": "Ұлжалғас", "patronymic": "Өмірғалиқызы"},
    "phone": "8 (701) 555-01-37",
    "email": "uljalgas.qulynshaqova@example.kz",
    "delivery_address": {"locality": "Алматы", "line": "Шәмші Қалдаяқов көшесі 17/3, 42-пәтер", "postcode": "A05E6X8"},
    "residence": {"locality": "Талдықорған", "line": "Ілияс Жансүгіров даңғылы 93", "postcode": "040000"},
    "items": [{"title": "Жүннен тоқылған шәлі", "quantity": 1, "price_kzt": 18900}],
    "payment": {"method": "on_delivery"},
    "language": "kk",
}
DELIVERED: dict[str, Any] = {
    "name": {"family": "Верхозёров", "given": "Елисей", "patronymic": "Пантелеймонович"},
    "phone": "+7 777 555 02 46",
    "email": "elisey.verkhozyorov@example.com",
    "delivery_address": {"locality": "Караганда", "line": "улица Ерубаева 51, квартира 8", "postcode": "100008"},
    "residence": None,
    "items": [{"title": "Настольная лампа", "quantity": 2, "price_kzt": 7450}],
    "payment": {"method": "prepaid"},
    "language": "ru",
}
PLANTED = "Жоқадамбаева Жұпаргүл"


def order_of(person: dict[str, Any], policy_version: str) -> dict[str, Any]:
    return {**person, "consent": {"policy_version": policy_version, "promotions": False}}


def somebody_new(prefix: str, number: int) -> dict[str, Any]:
    """One of many, by a phone and an e-mail address of their own."""
    return {**WAITING, "phone": f"+7701{number % 10_000_000:07d}", "email": f"{prefix}-{number}@example.kz"}


def values_of(person: dict[str, Any]) -> dict[str, str]:
    """What to search for, by what it is. The locality alone is a city's name, not the person's."""
    digits = "".join(character for character in person["phone"] if character.isdigit())
    values = {
        "family name": person["name"]["family"],
        "given name": person["name"]["given"],
        "patronymic": person["name"]["patronymic"],
        "phone as typed": person["phone"],
        "phone": f"+7{digits[-10:]}",
        "e-mail": person["email"],
        "delivery address": person["delivery_address"]["line"],
        "item": person["items"][0]["title"],
    }
    if person["residence"]:
        values["residence"] = person["residence"]["line"]
    return values
