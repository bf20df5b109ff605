"""One field, two kinds of contact: each in its normal form, or the rule it breaks and never the value."""

import pytest

from services.intake.contact import read_contact


@pytest.mark.parametrize(
    ("typed", "channel", "value"),
    [
        ("+7 700 000 00 42", "phone", "+77000000042"),
        ("8 (700) 000-00-42", "phone", "+77000000042"),
        ("7000000042", "phone", "+77000000042"),
        ("  Aqbope@Example.KZ ", "email", "aqbope@example.kz"),
    ],
)
def test_a_contact_is_read_in_its_normal_form(typed: str, channel: str, value: str) -> None:
    contact = read_contact(typed)
    assert (contact.channel, contact.value) == (channel, value)
    assert value not in repr(contact)


@pytest.mark.parametrize("typed", ["", "   ", "42", "+1 212 555 0100", "a@b@example.kz", "@home", "Aqbope", "7" * 300])
def test_what_is_none_is_refused_with_a_rule_that_does_not_repeat_it(typed: str) -> None:
    with pytest.raises(ValueError, match="must be") as refusal:
        read_contact(typed)
    assert not typed.strip() or typed not in str(refusal.value)
