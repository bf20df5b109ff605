"""Read JSON Lines as they stream in: never more than one line and one chunk are held."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1. `text` is None where the line is longer than it may be."""

    number: int
    text: bytes | None = field(repr=False)


async def lines(chunks: AsyncIterator[bytes], *, longest: int) -> AsyncIterator[Line]:
    """Every line that is not blank, without its end. `longest` in bytes."""
    number, held = 1, bytearray()
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            held += piece[: longest + 1 - len(held)]
            if line := _line(number, held, longest):
                yield line
            number += 1
            held.clear()
        held += rest[: longest + 1 - len(held)]
    if line := _line(number, held, longest):
        yield line


def _line(number: int, held: bytearray, longest: int) -> Line | None:
    text = bytes(held).strip()
    if number == 1:
        text = text.removeprefix(BYTE_ORDER_MARK)
    if not text:
        return None
    return Line(number, None if len(held) > longest else text)
