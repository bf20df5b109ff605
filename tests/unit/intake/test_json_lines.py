"""Lines come out the same however the stream is cut, and none of them can fill the memory."""

from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.intake.json_lines import Line, lines

LONGEST = 20


async def chunks_of(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(*parts: bytes) -> list[tuple[int, bytes | None]]:
    return [(line.number, line.text) async for line in lines(chunks_of(parts), longest=LONGEST)]


@given(st.lists(st.sampled_from([b"", b" ", b"a", b"bb\r", b"\xd2\x9b", b"c" * 19, b"d" * 21]), max_size=8), st.data())
async def test_cuts_make_no_difference(texts: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = [
        (number, None if len(text) > LONGEST else text.strip())
        for number, text in enumerate(texts, start=1)
        if text.strip()
    ]
    assert await read(*parts) == expected


async def test_a_byte_order_mark_and_windows_line_ends_are_no_content() -> None:
    assert await read(b"\xef\xbb\xbf{}\r\n", b"\r\n{}\r\n") == [(1, b"{}"), (3, b"{}")]


async def test_a_line_without_an_end_is_read_and_one_that_never_ends_is_not_held() -> None:
    assert await read(b"a\nb") == [(1, b"a"), (2, b"b")]
    assert await read(*[b"x" * 1_000] * 1_000, b"\nb") == [(1, None), (2, b"b")]


def test_a_line_prints_nothing_of_itself() -> None:
    assert "Ақбөпе" not in repr(Line(1, "Ақбөпе".encode()))
