"""Every way to change bytes in one place."""

from collections.abc import Iterator


def flipped(raw: bytes) -> Iterator[bytes]:
    """Each bit of each byte."""
    for position, value in enumerate(raw):
        for bit in range(8):
            yield raw[:position] + bytes([value ^ 1 << bit]) + raw[position + 1 :]


def resized(raw: bytes) -> Iterator[bytes]:
    """Cut at every place from either end, nothing at all, and longer by one byte or by itself."""
    for length in range(len(raw)):
        yield raw[:length]
        yield raw[len(raw) - length :]
    for added in (b"\x00", b"\xff", raw[:1], raw[-1:]):
        yield raw + added
        yield added + raw
    yield raw + raw
