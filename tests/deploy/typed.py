"""What a page tells its reader to type: the commands of its blocks and of its text, split as a shell would.

A block marked `sh` is read whole; of one without a mark, the lines that begin with a program of ours.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OURS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:sealed|make|kubectl) ")
INLINE = re.compile(r"`((?:sealed|make|kubectl) [a-z][^`]*)`")
SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
ENDS = frozenset({"|", "||", "&&", ";", "&"})


@dataclass(frozen=True, slots=True)
class Typed:
    """One command: its words without what is set before it, and the names that are. `whole`: as it is to be typed; in
    the middle of a text it may be named by its first words."""

    words: tuple[str, ...]
    variables: tuple[str, ...]
    whole: bool = True


def commands(page: str) -> Iterator[Typed]:
    """In the order of the page's blocks, then of its text. Raises ValueError where a quote is left open."""
    for mark, block in BLOCK.findall(page):
        for line in block.replace("\\\n", " ").splitlines():
            if mark == "sh" or (mark == "" and OURS.match(line)):
                yield from of_line(line)
    for line in INLINE.findall(BLOCK.sub("", page)):
        yield from (replace(typed, whole=False) for typed in of_line(line))


def of_line(line: str) -> Iterator[Typed]:
    for inner in SUBSTITUTION.findall(line):
        yield from of_line(inner)
    lexer = shlex.shlex(SUBSTITUTION.sub("SUBSTITUTED", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    for word in lexer:
        if word in ENDS:
            yield from _typed(words)
            words = []
        else:
            words.append(word)
    yield from _typed(words)


def _typed(words: list[str]) -> Iterator[Typed]:
    words = _without_redirections(words)
    if words and words[0] == "export":
        words = [word if "=" in word else f"{word}=" for word in words[1:]]
    set_before = [word for word in words if ASSIGNMENT.match(word)] if _all_set(words) else _leading(words)
    if set_before or words:
        names = tuple(word.partition("=")[0] for word in set_before)
        yield Typed(tuple(words[len(set_before) :]), names)


def _all_set(words: list[str]) -> bool:
    return all(ASSIGNMENT.match(word) for word in words)


def _leading(words: list[str]) -> list[str]:
    count = next((number for number, word in enumerate(words) if not ASSIGNMENT.match(word)), len(words))
    return words[:count]


def _without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if word in (">", ">>", "<"):
            skip = True
        elif skip:
            skip = False
        else:
            kept.append(word)
    return kept
