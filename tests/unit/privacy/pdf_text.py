"""Read the text of a PDF that fpdf2 made: its fonts' own tables say which glyph is which letter."""

import re
import zlib

STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
SHOWN = re.compile(rb"/F(\d+) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) ?Tj", re.DOTALL)  # a glyph may end in a backslash
PAIR = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>\n")


def text_of(pdf: bytes) -> str:
    """All pages' text, words as they were shown."""
    streams = [_inflated(match) for match in STREAM.findall(pdf)]
    tables = [dict(PAIR.findall(stream)) for stream in streams if b"beginbfchar" in stream]
    assert tables, "no font of this PDF says what its glyphs mean"
    return "\n".join(_shown(stream, tables) for stream in streams if b" Tf" in stream)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def _shown(stream: bytes, tables: list[dict[bytes, bytes]]) -> str:
    found, table = [], tables[0]
    for font, glyphs in SHOWN.findall(stream):
        if font:
            table = tables[int(font) - 1]
        else:
            raw = re.sub(rb"\\([()\\r])", lambda match: b"\r" if match[1] == b"r" else match[1], glyphs)
            codes = [raw[at : at + 2].hex().upper().encode() for at in range(0, len(raw), 2)]
            found.append("".join(bytes.fromhex(table[code].decode()).decode("utf-16-be") for code in codes))
    return "\n".join(found)
