"""The rules a typed value can break, in the words of the visitor's language, each with the label of its field.

pydantic says which rule of which field; what was typed is never part of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from shared.pages.languages import catalogue
from shared.pages.render import N_
from shared.policy.rows import Language

# (path of a value in the form) → (name of its field on the page, label, what the label needs)
Place = tuple[str, str, Mapping[str, Any]]
Placing = Callable[[tuple[str | int, ...]], Place]

ELSE: Final = N_("can't be taken as it is: correct it")
BY_TYPE: Final[Mapping[str, str]] = {
    "missing": N_("must be filled in"),
    "string_too_long": N_("may have %(max_length)d characters at most"),
    "int_type": N_("must be a whole number"),
    "greater_than_equal": N_("must be %(ge)d or more"),
    "less_than_equal": N_("may be %(le)d at most"),
    "literal_error": N_("must be one of those offered"),
    "too_short": N_("must be filled in"),
    "too_long": N_("may have %(max_length)d entries at most"),
}
# What `shared/contracts/kazakhstan.py` says; a test holds the two together.
OF_VALUES: Final = frozenset({
    N_("must be a phone number alone, for example +7 701 000 00 00"),
    N_("must be a phone number, for example +7 701 000 00 00"),
    N_("must be a complete phone number, for example +7 701 000 00 00"),
    N_("must be a Kazakhstan number: we deliver in Kazakhstan only"),
    N_("must be an e-mail address, for example name@example.kz"),
    N_("must not be empty"),
    N_("may hold Cyrillic or Latin letters, hyphens, apostrophes and spaces only"),
    N_("must hold a letter"),
    N_("must be six digits (050000) or a code such as A05E6X8; leave it out if unknown"),
    N_("must be one line of text without control characters"),
})  # fmt: skip
BY_PLACE: Final[Mapping[tuple[str | int, ...], str]] = {
    ("consent",): N_("tick it if you agree: without your consent we may not take the order"),
    ("consent", "policy_version"): N_("the text has changed meanwhile: read it again, and tick it if you agree"),
    ("notice_version",): N_("the text has changed meanwhile: read it again and send the form once more"),
}


def broken_rules(invalid: ValidationError, placing: Placing, language: Language) -> dict[str, str]:
    """Field of the page → what to correct: the first rule it breaks."""
    gettext = catalogue(language).gettext
    found: dict[str, str] = {}
    for error in invalid.errors(include_input=False, include_url=False):
        name, label, more = placing(error["loc"])
        rule = BY_PLACE.get(error["loc"]) or _rule(error)
        numbers = {key: value for key, value in error.get("ctx", {}).items() if isinstance(value, int)}
        found.setdefault(name, f"{gettext(label) % more}: {gettext(rule) % numbers}")
    return found


def _rule(error: Any) -> str:
    if error["type"] == "value_error":
        told = str(error["msg"]).removeprefix("Value error, ")
        return told if told in OF_VALUES else ELSE
    return BY_TYPE.get(error["type"], ELSE)
