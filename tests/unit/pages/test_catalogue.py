"""One catalogue for all pages: no string is missing in any language, and none is left over."""

import re

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from deploy.catalogue import ROOT, TRANSLATED, gathered
from shared.pages.languages import LOCALE_DIR, catalogue

PLACE = re.compile(r"%\(\w+\)s|%\(\w+\)d|\{\w*\}")


def _translations(language: str) -> dict[str, Message]:
    with (LOCALE_DIR / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {_source(message): message for message in read_po(file, locale=language) if message.id}


def _source(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _texts(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_string_of_the_pages_is_translated(language: str) -> None:
    translated = _translations(language)
    missing = [
        source
        for source in (_source(message) for message in gathered() if message.id)
        if source not in translated or not all(_texts(translated[source]))
    ]
    assert missing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_left_over(language: str) -> None:
    wanted = {_source(message) for message in gathered() if message.id}
    assert set(_translations(language)) - wanted == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_names_the_same_places_as_its_source(language: str) -> None:
    for source, message in _translations(language).items():
        for text in _texts(message):
            assert set(PLACE.findall(text)) <= set(PLACE.findall(source)) | {"%(num)d"}, source


def test_no_value_is_taken_for_the_pages_own_markup() -> None:
    """`_()` trusts its text: what comes in a value is translated by the filter, and escaped."""
    parser = Environment(extensions=["jinja2.ext.i18n"])
    templates = [*ROOT.glob("services/*/pages/*.html"), *ROOT.glob("shared/pages/templates/*.html")]
    trusted = [
        (path.name, call.lineno)
        for path in templates
        for call in parser.parse(path.read_text()).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name)
        and call.node.name in ("_", "gettext", "ngettext")
        and not isinstance(call.args[0], nodes.Const)
    ]
    assert len(templates) > 20
    assert trusted == []


def test_plural_forms_are_those_of_the_language() -> None:
    def fields(language: str, count: int) -> str:
        told = catalogue(language).ngettext(  # type: ignore[arg-type]
            "%(num)d field needs correcting", "%(num)d fields need correcting", count
        )
        return told % {"num": count}

    assert [fields("ru", count) for count in (1, 3, 5, 11, 21)] == [
        "Нужно исправить 1 поле",
        "Нужно исправить 3 поля",
        "Нужно исправить 5 полей",
        "Нужно исправить 11 полей",
        "Нужно исправить 21 поле",
    ]
    assert fields("kk", 1) == "1 өрісті түзету керек"
    assert fields("kk", 5) == "5 өрісті түзету керек"
