"""Write examples/orders.jsonl: a shop's export of 500 made-up orders and a dozen bad lines, the same in every run.

Nobody in it exists: names are drawn from lists, numbers from one block, e-mail addresses are of example.kz and
example.com (RFC 2606). `python examples/make_orders.py` writes the file anew.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

EXPORT: Final = Path(__file__).with_name("orders.jsonl")
MADE_UP: Final[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("made_up.yaml").read_text(encoding="utf-8"))
SEED: Final = 20260101
ORDERS: Final = 500
RETURNING_SHARE: Final = 0.18
POLICY_VERSION: Final = "2026-01"

Order = dict[str, Any]
Person = dict[str, Any]
Name = dict[str, str | None]


def main() -> None:
    EXPORT.write_text("".join(f"{line}\n" for line in export()), encoding="utf-8")


def export() -> list[str]:
    """The file's lines. The bad ones stand among the good at even distances."""
    draw = random.Random(SEED)
    lines = [_line(order) for order in _orders(draw)]
    bad = _bad_lines(json.loads(lines[0]))
    for number, line in enumerate(bad, start=1):
        lines.insert(number * len(lines) // (len(bad) + 1), line)
    return lines


def _line(order: Order) -> str:
    return json.dumps(order, ensure_ascii=False)


def _orders(draw: random.Random) -> Iterator[Order]:
    known: list[Person] = []
    for _ in range(ORDERS):
        if known and draw.random() < RETURNING_SHARE:
            person = draw.choice(known)
        else:
            person = _person(draw, len(known) + 1)
            known.append(person)
        yield _order(draw, person)


def _person(draw: random.Random, number: int) -> Person:
    make = draw.choices([_kazakh, _russian, _latin], weights=[6, 3, 1])[0]
    name, language = make(draw)
    localpart = f"{_latin_of(name['given'])}.{_latin_of(name['family'])}{number}"
    return {
        "name": name,
        "digits": f"700000{1_000 + number:04d}",
        "email": f"{localpart}@{draw.choice(['example.kz', 'example.com'])}",
        "delivery_address": _address(draw, language),
        "residence": _address(draw, language) if draw.random() < 0.25 else None,
        "language": language,
    }


def _kazakh(draw: random.Random) -> tuple[Name, str]:
    parts, woman = MADE_UP["kazakh"], draw.random() < 0.5
    given = draw.choice(parts["women" if woman else "men"])
    patronymic = draw.choice(parts["men"]) + ("қызы" if woman else "ұлы") if draw.random() < 0.6 else None
    name = {"family": _gendered(draw.choice(parts["surnames"]), woman), "given": given, "patronymic": patronymic}
    return name, draw.choices(["kk", "ru", "en"], weights=[7, 2, 1])[0]


def _russian(draw: random.Random) -> tuple[Name, str]:
    parts, woman = MADE_UP["russian"], draw.random() < 0.5
    given = draw.choice(parts["women" if woman else "men"])
    family = _gendered(draw.choice(parts["surnames"]), woman)
    if woman and draw.random() < 0.15:
        family += "-" + _gendered(draw.choice(parts["surnames"]), woman)
    patronymic = draw.choice(parts["fathers"]) + ("овна" if woman else "ович") if draw.random() < 0.7 else None
    return {"family": family, "given": given, "patronymic": patronymic}, draw.choices(["ru", "kk"], weights=[9, 1])[0]


def _latin(draw: random.Random) -> tuple[Name, str]:
    given, family = draw.choice(MADE_UP["latin"]).split()
    return {"family": family, "given": given, "patronymic": None}, "en"


def _gendered(surname: str, woman: bool) -> str:
    return surname + "а" if woman else surname


def _latin_of(name: str | None) -> str:
    letters = (MADE_UP["letters"].get(letter, letter) for letter in (name or "").lower())
    return "".join(letter for letter in letters if letter.isascii() and letter.isalpha())


def _address(draw: random.Random, language: str) -> dict[str, str | None]:
    written = "kk" if language == "kk" else "ru"
    house, flat = draw.randint(1, 180), draw.randint(1, 160)
    if draw.random() < 0.6:
        locality, street, code = "Алматы", draw.choice(MADE_UP["almaty"][written]), "0500"
    else:
        region = draw.choice(MADE_UP["regions"])
        (locality, street), code = region[written], region["code"]
    line = f"{street}, {house}-үй, {flat}-пәтер" if written == "kk" else f"{street}, д. {house}, кв. {flat}"
    return {"locality": locality, "line": line, "postcode": _postcode(draw, code)}


def _postcode(draw: random.Random, code: str) -> str | None:
    match draw.choices(["old", "new", "none"], weights=[5, 3, 2])[0]:
        case "old":
            return f"{code}{draw.randint(0, 60):02d}"
        case "new":
            a, b, c = (draw.choice("ABCDEFGHJKLMNPRSTVXYZ") for _ in range(3))
            return f"{a}{draw.randint(0, 99):02d}{b}{draw.randint(0, 9)}{c}{draw.randint(0, 9)}"
    return None


def _order(draw: random.Random, person: Person) -> Order:
    prices = MADE_UP["items"][person["language"]]
    chosen = draw.sample(sorted(prices), k=draw.randint(1, 3))
    return {
        "name": person["name"],
        "phone": _typed(draw, person["digits"]),
        "email": person["email"].upper() if draw.random() < 0.04 else person["email"],
        "delivery_address": person["delivery_address"],
        "residence": person["residence"],
        "items": [
            {"title": title, "quantity": draw.choice([1, 1, 1, 2, 3]), "price_kzt": prices[title]} for title in chosen
        ],
        "payment": {"method": draw.choice(["prepaid", "on_delivery"])},
        "language": person["language"],
        "consent": {"policy_version": POLICY_VERSION, "promotions": draw.random() < 0.3},
    }


def _typed(draw: random.Random, digits: str) -> str:
    """One number as people type it."""
    code, a, b, c = digits[:3], digits[3:6], digits[6:8], digits[8:]
    return draw.choice([
        f"+7 {code} {a} {b} {c}", f"8 {code} {a} {b} {c}", f"+7 ({code}) {a}-{b}-{c}", f"8 ({code}) {a}-{b}-{c}",
        f"+7{digits}", f"8{digits}", f"7{digits}", digits,
    ])  # fmt: skip


def _bad_lines(order: Order) -> list[str]:
    """Each breaks one rule, as exports do."""

    def but(change: Callable[[Order], object]) -> str:
        copy: Order = json.loads(_line(order))
        change(copy)
        return _line(copy)

    return [
        but(lambda o: o.update(phone="+7 916 000 00 00")),  # a number in Russia
        but(lambda o: o.update(iin="000000000000")),  # the policy does not let anybody collect it
        but(lambda o: o["delivery_address"].update(postcode="0500")),
        _line(order)[:-30],  # broken off
        but(lambda o: o["name"].pop("family")),
        but(lambda o: o["consent"].update(policy_version="2019-03")),
        but(lambda o: o["items"][0].update(quantity=0)),
        but(lambda o: o["name"].update(given="Нұрлан2")),
        but(lambda o: o.update(items=[])),
        but(lambda o: o.update(email="aigul.example.kz")),
        but(lambda o: o.update(phone="8 700 000")),
        but(lambda o: o["items"][0].update(price_kzt="5000 тг")),
        but(lambda o: o["consent"].update(promotions="yes")),  # a choice is made, not guessed
    ]


if __name__ == "__main__":
    main()
