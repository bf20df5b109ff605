"""Every message in every language: a subject, the person's given name, nothing else of the person."""

from itertools import product
from typing import get_args

import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined, meta

from services.notifications.message_store import FIELDS, Channel, Kind
from services.notifications.wording import Wording
from shared.contracts.personal import Language
from shared.contracts.views import NotificationsView
from shared.policy.load import load_policy
from tests.builders import a_person, values_of
from tests.unit.notifications.a_message import ORDER, a_message

TEMPLATES = Environment(loader=PackageLoader("services.notifications"), undefined=StrictUndefined, autoescape=False)
WORDING = Wording(TEMPLATES, load_policy().controller)
LANGUAGES = get_args(Language)
KINDS = get_args(Kind)
BY_SMS = ("shipment_handed_over", "shipment_delivered", "shipment_returned")
CAMPAIGN = {
    language: {"subject": f"S {language}", "body": "{{ given_name }} is not filled in"} for language in LANGUAGES
}
GREETING = {"kk": "Сәлеметсіз бе", "ru": "Здравствуйте", "en": "Hello"}


def a_contact(language: str | None = "kk", **changes: object) -> NotificationsView:
    person = a_person()
    fields = {"given_name": person.given_name, "phone": person.phone, "email": person.email, "language": language}
    return NotificationsView.model_validate({**fields, **changes})


@pytest.mark.parametrize(("kind", "language"), list(product(KINDS, LANGUAGES)))
def test_an_email_greets_in_the_person_s_language(kind: str, language: str) -> None:
    contact = a_contact(language)
    subject, body = WORDING.email(a_message(kind=kind), contact, CAMPAIGN)
    assert subject.strip() == subject != ""
    assert body.startswith(f"{GREETING[language]}, {contact.given_name}")
    assert "info@exl.kz" in body
    others = set(values_of(a_person())) - {contact.given_name}
    assert not [value for value in others if value in subject + body]


@pytest.mark.parametrize(("kind", "language"), list(product(BY_SMS, LANGUAGES)))
def test_an_sms_names_the_order_and_nobody(kind: str, language: str) -> None:
    text = WORDING.sms(a_message(kind=kind, channel="sms"), a_contact(language))
    assert ORDER[:8].upper() in text
    assert not [value for value in values_of(a_person()) if value in text]
    assert "\n" not in text
    assert len(text) <= (160 if text.isascii() else 2 * 67)


def test_kazakh_is_the_language_of_whoever_chose_none() -> None:
    assert WORDING.email(a_message(), a_contact(None)) == WORDING.email(a_message(), a_contact("kk"))


def test_a_person_without_a_given_name_is_greeted_all_the_same() -> None:
    _, body = WORDING.email(a_message(), a_contact("ru", given_name=None))
    assert body.startswith("Здравствуйте!")


def test_a_campaign_s_text_is_not_a_template() -> None:
    _, body = WORDING.email(a_message(kind="promotion"), a_contact("en"), CAMPAIGN)
    assert "{{ given_name }} is not filled in" in body


def test_a_promotion_says_how_to_stop_them() -> None:
    for language, word in {"kk": "Бас тарту", "ru": "Чтобы отказаться", "en": "To stop"}.items():
        assert word in WORDING.email(a_message(kind="promotion"), a_contact(language), CAMPAIGN)[1]


@pytest.mark.parametrize(("channel", "address"), [("email", "email"), ("sms", "phone")])
def test_what_is_told_of_a_message_is_what_its_template_takes(channel: Channel, address: str) -> None:
    """A person sees these names as used: the address, the language, and what any template of the channel says."""
    said: set[str] = set()
    for name in TEMPLATES.list_templates(filter_func=lambda name: f".{channel}." in name):
        source, _, _ = TEMPLATES.loader.get_source(TEMPLATES, name)  # type: ignore[union-attr]
        said |= meta.find_undeclared_variables(TEMPLATES.parse(source)) & set(NotificationsView.model_fields)
    assert set(FIELDS[channel]) == {address, "language", *said}
