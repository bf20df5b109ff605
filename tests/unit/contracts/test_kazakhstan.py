"""Phones, e-mails, names, postcodes: one form of each, and a refusal that never repeats what was typed."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.kazakhstan import email, person_name, phone, postcode, text_line

NORMAL = [
    *((phone, written, "+77010000000") for written in ("8 701 000 00 00", "77010000000", "7010000000")),
    *((phone, written, "+77010000000") for written in ("+7 701 000-00-00", "+7(701)0000000", " 8-701-000-00-00 ")),
    (email, " Aqbope@Example.KZ ", "aqbope@example.kz"),
    (email, "u\u0308mit@example.com", "\u00fcmit@example.com"),
    (person_name, "  Нұр-Сұлтан   Әлі ", "Нұр-Сұлтан Әлі"),
    (person_name, "D\u2019Artagnan", "D'Artagnan"),
    (person_name, "И\u0306осиф", "Йосиф"),
    (person_name, "Ғазиз Қыдырұлы", "Ғазиз Қыдырұлы"),
    (postcode, "050 000", "050000"),
    (postcode, "a05e6x8", "A05E6X8"),
    (text_line, " Абай \t даңғылы,\n 10 ", "Абай даңғылы, 10"),
]


@pytest.mark.parametrize(("rule", "written", "normal"), NORMAL)
def test_every_way_of_writing_it_is_one_form(rule: Callable[[str], str], written: str, normal: str) -> None:
    assert rule(written) == normal
    assert rule(normal) == normal


REFUSED = [
    *((phone, bad) for bad in ("+79161234567", "12345", "+1 212 555 0100", "phone", "+7701000000", "+770100000000")),
    *((email, bad) for bad in ("name", "name@", "@example.kz", "a b@example.kz", "name@@example.kz", "name@nowhere")),
    *((person_name, bad) for bad in ("", "  ", "-", "'", "Иван1", "李明", "Ivan<b>", "a\u0000b", "😀", "+77010000000")),
    *((postcode, bad) for bad in ("0500", "0500000", "A05E6X", "005E6X8", "ABCDEFG", "٠٥٠٠٠٠")),
    *((text_line, bad) for bad in ("", " ", "a\u0000b", "a\u202eb", "\u200b")),
]


@pytest.mark.parametrize(("rule", "bad"), REFUSED)
def test_what_breaks_a_rule_is_refused_with_the_rule(rule: Callable[[str], str], bad: str) -> None:
    with pytest.raises(ValueError, match=r"must|may"):
        rule(bad)


@pytest.mark.parametrize("rule", [phone, email, person_name, postcode, text_line])
def test_refusal_never_repeats_what_was_typed(rule: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match=r"must|may") as refusal:
        rule("Zzyzx\u0000<1>@")
    assert "Zzyzx" not in f"{refusal.value!r}{refusal.value.__cause__!r}"
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@given(st.text(max_size=40))
@pytest.mark.parametrize("rule", [phone, email, person_name, postcode, text_line])
def test_any_text_is_refused_or_normal(rule: Callable[[str], str], text: str) -> None:
    try:
        normal = rule(text)
    except ValueError:
        return
    assert rule(normal) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert normal == normal.strip()


def test_latin_and_cyrillic_letters_that_look_alike_stay_apart() -> None:
    assert person_name("Iлияс") != person_name("Ілияс")
