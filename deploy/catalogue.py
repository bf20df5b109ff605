"""Gather the pages' English strings into the catalogue: `make catalogue`. Translations stay, new strings come empty.

A string is in English in a template (`{{ _("…") }}`, `{% trans %}`), or marked in code with `N_("…")` where a template
translates it later, or a ground in the policy file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from shared.pages.languages import LOCALE_DIR
from shared.policy.load import load_policy

ROOT: Final = Path(__file__).parents[1]
TRANSLATED: Final = ("kk", "ru")
KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
WIDTH: Final = 120


def gathered() -> Catalog:
    """Every string of the pages, untranslated."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    catalog = Catalog(project="Sealed Orders")
    for _, _, message, _, context in extract_from_dir(ROOT, methods, options, keywords=KEYWORDS):
        catalog.add(message, context=context)
    return catalog


def grounds(_: IO[bytes], *__: Any, options: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Babel's extractor of the policy file: on which grounds records are kept (line, function, string, comments)."""
    for store in load_policy().stores.values():
        for collection in store.collections.values():
            if collection.ground:
                yield 0, "_", collection.ground, []


def updated(language: str, template: Catalog) -> Catalog:
    """The language's catalogue with just the strings there are now. Nothing is guessed from similar ones."""
    path = _path(language)
    if not path.exists():
        catalog = Catalog(
            locale=language,
            project="Sealed Orders",
            header_comment="# Translations of the pages.",
            msgid_bugs_address="-",
            last_translator="-",
            language_team="-",
            fuzzy=False,
        )
    else:
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
    return catalog


def write(language: str, catalog: Catalog) -> None:
    path = _path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=WIDTH, sort_output=True, no_location=True, ignore_obsolete=True)


def _path(language: str) -> Path:
    return LOCALE_DIR / language / "LC_MESSAGES" / "messages.po"


if __name__ == "__main__":
    template = gathered()
    for language in TRANSLATED:
        write(language, updated(language, template))
