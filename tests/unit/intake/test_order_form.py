"""What a shop may send: normalised where it may differ, refused by field and rule where it may not, never echoed."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.order_form import MAX_ITEMS, OrderForm, read_order
from shared.contracts.personal import PersonalData
from shared.http.problems import field_errors
from tests.builders import a_person, order_form, values_of

VERSION = "2026-01"
Change = Callable[[dict[str, Any]], Any]


def read(form: dict[str, Any]) -> OrderForm:
    return read_order(json.dumps(form).encode(), version_in_force=VERSION)


def refusals(form: dict[str, Any]) -> dict[str, str]:
    """Field → rule."""
    with pytest.raises(ValidationError) as refused:
        read(form)
    return {error["field"]: error["rule"] for error in field_errors(refused.value.errors(include_input=False))}


def test_a_form_is_its_person_by_the_policy_s_field_names() -> None:
    person = a_person()
    assert read(order_form(person)).personal() == person


def test_a_prepaid_order_leaves_nothing_to_collect() -> None:
    form = read(order_form(payment={"method": "prepaid"}))
    assert form.amount_kzt == 9_000
    assert form.personal().amount_to_collect == 0


def test_the_amount_is_the_sum_over_the_items() -> None:
    items = [{"title": "a", "quantity": 3, "price_kzt": 100}, {"title": "b", "quantity": 1, "price_kzt": 0}]
    assert read(order_form(items=items)).amount_kzt == 300


@pytest.mark.parametrize(
    "typed", ["8 700 000 00 42", "87000000042", "77000000042", "7000000042", "+7 (700) 000-00-42", "+77000000042"]
)
def test_one_number_however_it_is_typed(typed: str) -> None:
    assert read(order_form(phone=typed)).phone == "+77000000042"


def test_an_e_mail_address_is_one_in_any_case() -> None:
    assert read(order_form(email=" Aqbope.Sydyqbek@EXAMPLE.kz ")).email == a_person().email


@pytest.mark.parametrize("name", ["Әңғұқһіөү", "Нұр-Ахмет", "O’Connor", "Әли Мұхамед", "Ё"])
def test_names_of_the_country_are_names(name: str) -> None:
    given = read(order_form(name={"family": name, "given": unicodedata.normalize("NFD", name)})).name
    assert given.given == given.family == unicodedata.normalize("NFC", name).replace("’", "'")


@pytest.mark.parametrize(
    ("code", "normal"), [("050000", "050000"), ("a05e6x8", "A05E6X8"), ("A05 E6X8", "A05E6X8"), (None, None)]
)
def test_old_and_new_postcodes(code: str | None, normal: str | None) -> None:
    address = {"locality": "Алматы", "line": "Абай даңғылы, 1", "postcode": code}
    assert read(order_form(delivery_address=address)).delivery_address.postcode == normal


CANARY = "Жасырын-Мән"
BROKEN: list[tuple[str, Change]] = [
    ("phone", lambda form: form.update(phone="+7 916 123 45 67")),
    ("phone", lambda form: form.update(phone="8 700 12")),
    ("phone", lambda form: form.update(phone=CANARY)),
    ("phone", lambda form: form.update(phone=f"{CANARY} +7 700 000 00 42")),
    ("phone", lambda form: form.update(phone=87000000042)),
    ("email", lambda form: form.update(email=CANARY)),
    ("email", lambda form: form.update(email=f"{'a' * 250}@example.kz")),
    ("name.family", lambda form: form["name"].update(family="Құпия42")),
    ("name.family", lambda form: form["name"].pop("family")),
    ("name.given", lambda form: form["name"].update(given="   ")),
    ("name.given", lambda form: form["name"].update(given="Ә" * 81)),
    ("name.given", lambda form: form["name"].update(given="Құпия\u0000")),
    ("name.patronymic", lambda form: form["name"].update(patronymic="名字")),
    ("name.nickname", lambda form: form["name"].update(nickname=CANARY)),
    ("name", lambda form: form.update(name=CANARY)),
    ("delivery_address.postcode", lambda form: form["delivery_address"].update(postcode="0500")),
    ("delivery_address.line", lambda form: form["delivery_address"].update(line=f"{CANARY}\u200b")),
    ("delivery_address.line", lambda form: form["delivery_address"].update(line="ы" * 301)),
    ("delivery_address.locality", lambda form: form["delivery_address"].update(locality="ы" * 121)),
    ("delivery_address", lambda form: form.update(delivery_address=None)),
    ("residence.postcode", lambda form: form["residence"].update(postcode=CANARY)),
    ("items", lambda form: form.update(items=[])),
    ("items", lambda form: form.update(items=[{"title": "a", "quantity": 1, "price_kzt": 1}] * (MAX_ITEMS + 1))),
    ("items.0.title", lambda form: form["items"][0].update(title="")),
    ("items.0.title", lambda form: form["items"][0].update(title="т" * 201)),
    ("items.0.quantity", lambda form: form["items"][0].update(quantity=0)),
    ("items.0.quantity", lambda form: form["items"][0].update(quantity="2")),
    ("items.0.quantity", lambda form: form["items"][0].update(quantity=1.5)),
    ("items.0.quantity", lambda form: form["items"][0].update(quantity=1_001)),
    ("items.0.price_kzt", lambda form: form["items"][0].update(price_kzt=-1)),
    ("items.0.price_kzt", lambda form: form["items"][0].update(price_kzt=10**30)),
    ("payment.method", lambda form: form.update(payment={"method": CANARY})),
    ("language", lambda form: form.update(language="kz")),
    ("consent.policy_version", lambda form: form["consent"].update(policy_version="1999-01")),
    ("consent.promotions", lambda form: form["consent"].update(promotions="yes")),
    ("consent.promotions", lambda form: form["consent"].update(promotions=1)),
    ("consent", lambda form: form.pop("consent")),
    ("iin", lambda form: form.update(iin="990101300123")),
    ("(not a field name)", lambda form: form.update({"+7 701 123 45 67": 1})),
]


@pytest.mark.parametrize(("field", "change"), BROKEN)
def test_a_broken_rule_is_named_with_its_field_and_without_the_value(field: str, change: Change) -> None:
    form = order_form()
    change(form)
    found = refusals(form)
    assert set(found) == {field}
    assert found[field]
    said = json.dumps(found, ensure_ascii=False)
    for value in (CANARY, "916 123", "8 700 12", "Құпия", "990101300123", "701 123", "1999-01", "名字", *values()):
        assert value not in said


def test_an_iin_is_refused_by_name_because_the_policy_does_not_collect_it() -> None:
    assert "policy does not let us collect" in refusals(order_form(iin="990101300123"))["iin"]


def test_a_version_not_in_force_says_which_one_is() -> None:
    form = order_form(consent={"policy_version": "1999-01", "promotions": False})
    assert VERSION in refusals(form)["consent.policy_version"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"phone": "\\ud800"}'])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        read_order(body, version_in_force=VERSION)


def test_a_form_prints_nothing_of_its_person() -> None:
    form = read(order_form())
    assert not [value for value in values() if value in f"{form!r} {form} {form.name!r} {form.delivery_address!r}"]


def values(person: PersonalData | None = None) -> list[str]:
    return values_of(person or a_person())
