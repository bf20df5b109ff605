"""Whatever a store says that a person's fields were used for, the person reads it in words and not as a code."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from services.notifications.message_store import Kind
from services.privacy.case_facts import LetterKind
from shared.pages.render import Pages
from shared.policy.load import load_policy

SERVICES = Path(__file__).parents[3] / "services"
CLIENT = Pages("services.intake", load_policy())
ASKED = '{% import "my_data_words.html" as words with context %}{{ words.what(code) }}'


def codes_in(source: str) -> Iterator[str]:
    """`Use(what="…")`, `….of(…, what="…")`, and `WHAT = "…"`, also where one of two is chosen."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="Use") | ast.Attribute(attr="of"), keywords=keywords):
                yield from (text for word in keywords if word.arg == "what" for text in _texts(word.value))
            case ast.Assign(targets=[ast.Name(id="WHAT")], value=value):
                yield from _texts(value)
            case ast.AnnAssign(target=ast.Name(id="WHAT"), value=ast.expr() as value):
                yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)


FOUND = {code for path in SERVICES.rglob("*.py") for code in codes_in(path.read_text(encoding="utf-8"))}
CODES = sorted({*get_args(Kind), *(f"letter_{kind}" for kind in get_args(LetterKind)), *FOUND})


def said(language: str, code: str) -> str:
    template = CLIENT._environments[language].from_string(ASKED)  # type: ignore[index]
    return template.render(code=code, path="/my-data").strip()


def test_the_codes_are_found() -> None:
    assert {"my_data", "shipment", "state_disclosure", "contact_for_letters"} <= FOUND
    assert said("en", "no_such_code") == "no_such_code"


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
@pytest.mark.parametrize("code", CODES)
def test_it_is_said_in_words(language: str, code: str) -> None:
    assert said(language, code) != code
