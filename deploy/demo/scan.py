"""Search every byte a stack keeps for a person's values: files, and every message of every topic.

Each value is looked for as UTF-8, UTF-16 (both byte orders), JSON-escaped (`\\u0410`) and base64 at each of its three
alignments. A scan proves something only if it can find: plant a value first and see it found.
"""

import base64
import json
import mmap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick, Implementation
from aiokafka import ConsumerRecord

OUTSIDE = "outside"
URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Finding:
    """Where, and which value by its name: never the value."""

    where: str
    value: str
    encoding: str


class Needles:
    """A person's values in every form they could have, looked for all at once (Aho-Corasick)."""

    def __init__(self, values: Mapping[str, str]) -> None:
        forms = [(name, *form) for name, value in values.items() for form in dict(_forms(value)).items()]
        self._names = [(name, encoding) for name, encoding, _ in forms]
        self._automaton = BytesAhoCorasick([needle for *_, needle in forms], implementation=Implementation.DFA)

    def found_in(self, content: "bytes | mmap.mmap", where: str) -> Iterator[Finding]:
        """Each value and encoding once, however often it is there."""
        for index in {index for index, *_ in self._automaton.find_matches_as_indexes(content, overlapping=True)}:
            yield Finding(where, *self._names[index])


def _forms(value: str) -> Iterator[tuple[str, bytes]]:
    raw = value.encode()
    yield "utf-8", raw
    yield "utf-16-le", value.encode("utf-16-le")
    yield "utf-16-be", value.encode("utf-16-be")
    escaped = json.dumps(value)[1:-1]
    if escaped != value:
        yield "json", escaped.encode()
        yield "json-upper", escaped.replace("\\u", "\0").upper().replace("\0", "\\u").encode()
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + raw)
        start, end = (0, 2, 3)[shift], -4 if (len(raw) + shift) % 3 else None
        text = padded[start:end]
        yield f"base64+{shift}", text
        if (url_safe := text.translate(URL_SAFE)) != text:
            yield f"base64url+{shift}", url_safe


def scan_files(var: Path, needles: Needles) -> tuple[int, list[Finding]]:
    """Bytes read and findings, under `var` but for what has left the system (`var/outside`)."""
    total = 0
    findings: list[Finding] = []
    for path in sorted(var.rglob("*")):
        parts = path.relative_to(var).parts
        if parts[0] == OUTSIDE or not path.is_file() or path.is_symlink():
            continue
        try:
            size = path.stat().st_size
            if size == 0:
                continue
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                total += size
                findings += needles.found_in(content, "/".join(parts))
        except FileNotFoundError:
            continue
    return total, findings


def scan_messages(records: Iterable["ConsumerRecord[bytes, bytes]"], needles: Needles) -> Iterator[Finding]:
    """Findings in keys, headers and values."""
    for record in records:
        headers = b"\0".join(name.encode() + b"=" + (value or b"") for name, value in record.headers)
        content = b"\0".join((record.key or b"", headers, record.value or b""))
        yield from needles.found_in(content, f"topic {record.topic}")
