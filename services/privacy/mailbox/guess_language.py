"""Which language a mail is written in: enough to choose the reply's; the officer sees the guess and may correct it.

Kazakh's own Cyrillic letters are a fifth of its text. A Russian letter that names a Kazakh street has one or two.
"""

from typing import Final

from shared.policy.rows import Language

_KAZAKH: Final = frozenset("әғқңөұүһі")
_KAZAKH_SHARE: Final = 0.04
_LEAST_LETTERS: Final = 8


def guess_language(text: str) -> Language | None:
    """From the lines that are the writer's own. None where there is too little to tell."""
    own = " ".join(line for line in text.lower().splitlines() if not line.lstrip().startswith((">", "|")))
    cyrillic = sum("а" <= c <= "я" or c == "ё" or c in _KAZAKH for c in own)
    latin = sum("a" <= c <= "z" for c in own)
    if cyrillic + latin < _LEAST_LETTERS:
        return None
    if latin > 2 * cyrillic:
        return "en"
    return "kk" if sum(c in _KAZAKH for c in own) > _KAZAKH_SHARE * cyrillic else "ru"
