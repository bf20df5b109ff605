"""Every rule the form can break has words, and the words are those of the contracts."""

import ast
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.intake import form_rules
from services.intake.order_form import read_order
from services.intake.order_typed import FIELDS, OrderTyped
from shared.contracts import kazakhstan
from shared.pages.languages import LANGUAGES
from shared.policy.rows import Language


def test_the_rules_of_values_are_those_of_the_contracts() -> None:
    """A rule that is worded anew there would be told in English, or not at all, here."""
    raised = {
        node.args[0].value
        for node in ast.walk(ast.parse(Path(kazakhstan.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "ValueError"
        and isinstance(node.args[0], ast.Constant)
    }
    assert raised == form_rules.OF_VALUES


def broken(typed: dict[str, str], language: Language) -> dict[str, str]:
    order = OrderTyped.of(typed)
    with pytest.raises(ValidationError) as raised:
        read_order(order.body(language), version_in_force="2026-01")
    return form_rules.broken_rules(raised.value, order.place_of, language)


NOTHING = dict.fromkeys(FIELDS, "")
ODD = {
    **dict.fromkeys(FIELDS, "\x00"),
    "item-0-title": "\x00",
    "item-0-quantity": "9999999",
    "item-0-price_kzt": "-1",
    "consent": "yes",
    "policy_version": "x" * 50,
}
LONG = {**dict.fromkeys(FIELDS, "я" * 400), "item-0-title": "я" * 400, "consent": "yes"}


@pytest.mark.parametrize("typed", [NOTHING, ODD, LONG])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_has_its_place_and_words(typed: dict[str, str], language: Language) -> None:
    told = broken(typed, language)
    assert "order" not in told, told
    for name, rule in told.items():
        assert not rule.endswith(form_rules.ELSE), name
        assert "%(" not in rule
        assert (re.search(r"[а-яәғқңөұүһі]", rule) is not None) == (language != "en"), rule


def test_numbers_are_told_with_the_rule() -> None:
    told = broken({**LONG, "item-0-quantity": "1001", "item-0-price_kzt": "1"}, "en")
    assert told["family_name"] == "Surname: may have 80 characters at most"
    assert told["item-0-quantity"] == "Item 1, how many: may be 1000 at most"


def test_a_missing_required_field_and_a_missing_optional_one_differ() -> None:
    told = broken(NOTHING, "en")
    assert {"family_name", "phone", "email", "delivery_line", "payment", "consent", "item-0-title"} <= set(told)
    assert not {"patronymic", "delivery_postcode", "residence_locality", "residence_line"} & set(told)
    half = broken({**NOTHING, "residence_line": "Жоқ көше, 5"}, "en")
    assert half["residence_locality"] == "Town or village of residence: must be filled in"


def test_a_form_prints_nothing_of_what_was_typed() -> None:
    typed = OrderTyped.of({**NOTHING, "given_name": "Жаңылғанбек"})
    assert "Жаңылғанбек" not in repr(typed)
