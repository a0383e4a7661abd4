"""WebSocket frames against a reader that follows RFC 6455, section 5.2."""

import struct

import pytest

from reactive.protocol.frames import CLOSE_WITHOUT_CODE, text_frames

LARGE = 1 << 30


def read_frames(data: bytes) -> list[tuple[int, bytes]]:
    """First byte and payload of each frame; the length must be in its shortest form."""
    frames = []
    at = 0
    while at < len(data):
        first, length = data[at], data[at + 1]
        assert length & 0x80 == 0, "a server does not mask"
        at += 2
        if length == 126:
            (length,) = struct.unpack_from("!H", data, at)
            assert length >= 126
            at += 2
        elif length == 127:
            (length,) = struct.unpack_from("!Q", data, at)
            assert length >= 65_536
            at += 8
        assert at + length <= len(data)
        frames.append((first, data[at : at + length]))
        at += length
    return frames


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_one_frame(length: int) -> None:
    text = b"x" * length

    assert [(0x81, text)] == read_frames(text_frames(text, LARGE))


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_length_takes_the_shortest_form(length: int, header: bytes) -> None:
    assert header == text_frames(b"x" * length, LARGE)[: len(header)]


@pytest.mark.parametrize(
    ("length", "fragment", "sizes"),
    [
        (10, 10, [10]),
        (11, 10, [10, 1]),
        (20, 10, [10, 10]),
        (21, 10, [10, 10, 1]),
        (131_073, 65_536, [65_536, 65_536, 1]),
    ],
)
def test_long_text_is_fragmented(length: int, fragment: int, sizes: list[int]) -> None:
    text = bytes(at % 251 for at in range(length))
    frames = read_frames(text_frames(text, fragment))

    assert sizes == [len(payload) for _, payload in frames]
    assert text == b"".join(payload for _, payload in frames)
    # Only the first says that it is text, only the last that it is the end.
    expected = [0x00] * len(sizes)
    expected[0] |= 0x01
    expected[-1] |= 0x80
    assert expected == [first for first, _ in frames]


def test_close_without_code() -> None:
    assert read_frames(CLOSE_WITHOUT_CODE) == [(0x88, b"")]
