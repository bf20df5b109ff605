"""The language of a page: what the visitor chose, else what the browser asks for, else Kazakh; and its catalogue.

English is the source; `locale/<language>/LC_MESSAGES/messages.po` holds the others, read as it is at the start.
"""

import io
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from fastapi import Request

from shared.policy.rows import Language

LANGUAGES: Final[tuple[Language, ...]] = ("kk", "ru", "en")
NAMES: Final[dict[Language, str]] = {"kk": "Қазақша", "ru": "Русский", "en": "English"}
DEFAULT: Final[Language] = "kk"
COOKIE: Final = "lang"
LOCALE_DIR: Final = Path(__file__).with_name("locale")


def language_of(request: Request) -> Language:
    """From `?lang=`, the cookie or Accept-Language (RFC 9110), in this order."""
    asked = (request.query_params.get(COOKIE), request.cookies.get(COOKIE), *_accepted(request))
    return next((language for wanted in asked for language in LANGUAGES if language == wanted), DEFAULT)


def chosen_in(request: Request) -> Language | None:
    """The language this very request chooses: to be remembered."""
    return next((language for language in LANGUAGES if language == request.query_params.get(COOKIE)), None)


@cache
def catalogue(language: Language) -> NullTranslations:
    """gettext's translations into the language; English are the message ids themselves."""
    path = LOCALE_DIR / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def _accepted(request: Request) -> list[str]:
    """Primary language tags, best first. A header that can't be read asks for nothing."""
    weighed: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag.partition("-")[0].lower()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(weighed, key=lambda item: item[0])]
