"""The export that the demo loads: as its script writes it, mostly good, and nobody of the demo's own in it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

from deploy.demo.people import DELIVERED, PLANTED, WAITING, values_of
from services.intake.order_form import OrderForm, read_order

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = (EXAMPLES / "orders.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_orders", EXAMPLES / "make_orders.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def form(line: str) -> OrderForm | None:
    try:
        return read_order(line.encode(), version_in_force="2026-01")
    except ValidationError:
        return None


def test_the_file_is_what_its_script_writes(script: ModuleType) -> None:
    assert script.export() == LINES


def test_five_hundred_orders_are_good_and_each_bad_line_is_bad(script: ModuleType) -> None:
    forms = [form(line) for line in LINES]
    assert len([good for good in forms if good]) == script.ORDERS
    assert forms.count(None) == 13


def test_some_people_order_again_in_every_language_and_letter() -> None:
    forms = [good for good in map(form, LINES) if good]
    assert len({good.phone for good in forms}) < len(forms)
    assert {good.language for good in forms} == {"kk", "ru", "en"}
    assert set("әғқңөұүһі") <= set("".join(LINES).lower())


def test_nobody_of_the_demo_s_own_is_in_it() -> None:
    export = "".join(LINES).casefold()
    values = [PLANTED, *values_of(WAITING).values(), *values_of(DELIVERED).values()]
    assert not [value for value in values if value.casefold() in export]
