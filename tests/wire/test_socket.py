"""One WebSocket: frames out, signs of life, and the end of a client that does not read."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from reactive.limits import DEFAULT_LIMITS
from reactive.testing.clock import ManualClock
from reactive.wire.websocket import Socket, SocketHub
from tests.protocol.test_frames import read_frames
from tests.session.fakes import FakeBackend, World

LIMITS = replace(DEFAULT_LIMITS, session_buffer_bytes_max=1_000, fragment_bytes=100)
TEXT, PING_FRAME, CLOSE = 0x81, 0x89, 0x88


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and whose client reads when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.unread = 0
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        return read_frames(b"".join(self.written))


class Closed(web.WebSocketResponse):
    """Notes how it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed_with: tuple[int, bytes] | None = None

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        self.closed_with = (code, message)
        return True


class Line:
    """A socket with everything around it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.hub = SocketHub(FakeBackend(World(())), self.clock, LIMITS)
        self.wire = Wire()
        self.ws = Closed()
        self.socket = Socket(self.hub, self.ws, self.wire)

    def pass_time(self, seconds: float, *, is_heard: bool = True) -> None:
        """One second after the other, as the hub's timer sees them."""
        for _ in range(round(seconds)):
            self.clock.advance(1)
            self.hub.now = self.clock.monotonic()
            if is_heard:
                self.socket.heard_at = self.hub.now
            self.socket.tick(self.hub.now)

    def count(self, kind: int) -> int:
        return [first for first, _ in self.wire.frames].count(kind)


def test_text_is_framed() -> None:
    line = Line()
    line.socket.send(b'{"type":"Ping"}')
    line.socket.send(b"x" * 250)

    assert [
        (TEXT, b'{"type":"Ping"}'),
        (0x01, b"x" * 100),
        (0x00, b"x" * 100),
        (0x80, b"x" * 50),
    ] == (line.wire.frames)


def test_what_is_held_goes_out_with_the_next_text() -> None:
    line = Line()
    line.socket.hold(b"x" * 150)
    line.socket.hold(b"2")
    assert line.wire.written == []

    line.socket.send_transition(b"3")
    line.socket.flush()

    assert len(line.wire.written) == 1
    texts = [(0x01, b"x" * 100), (0x80, b"x" * 50), (TEXT, b"2"), (TEXT, b"3")]
    assert texts == line.wire.frames


async def test_nothing_that_is_held_is_lost() -> None:
    for end in (Socket.flush, lambda socket: socket.close(1013, "end")):
        line = Line()
        line.socket.hold(b"1")
        end(line.socket)

        assert [(TEXT, b"1")] == line.wire.frames
    await asyncio.sleep(0)


def test_text_for_many_is_framed_once() -> None:
    line = Line()
    text = b"x" * 50

    assert line.hub.frame(text) is line.hub.frame(text)


def test_idle_socket_is_pinged_in_both_ways() -> None:
    line = Line()
    line.pass_time(60)

    # A JavaScript client needs a message every 60 s, a Rust client any frame every 30 s.
    assert 4 == line.count(TEXT)
    assert 12 == line.count(PING_FRAME)


def test_socket_that_is_spoken_to_needs_no_message_of_its_own() -> None:
    line = Line()
    for _ in range(10):
        line.pass_time(10)
        line.socket.send(b"{}")

    assert [b"{}"] * 10 == [text for first, text in line.wire.frames if first == TEXT]


async def test_silent_client_is_given_up() -> None:
    line = Line()
    closing = []
    for seconds in (LIMITS.socket_silence_s, 1):
        line.pass_time(seconds, is_heard=False)
        closing.append(line.socket.is_closing)
    await asyncio.sleep(0)

    assert [False, True] == closing
    assert (WSCloseCode.OK, b"ClientDisconnected") == line.ws.closed_with


def test_transitions_wait_for_a_client_that_does_not_read() -> None:
    line = Line()
    line.wire.unread = 1
    waits = []
    for _ in range(LIMITS.transitions_waiting_max + 1):
        waits.append(line.socket.is_slow())
        line.socket.send_transition(b"{}")
    line.wire.unread = 0

    assert [False, False, True] == waits
    assert not line.socket.is_slow()


def test_client_that_is_too_far_behind_is_cut_off() -> None:
    line = Line()
    line.wire.unread = LIMITS.session_buffer_bytes_max + 1
    line.socket.send(b"{}")
    written = len(line.wire.written)
    line.socket.send(b"{}")

    assert line.wire.is_aborted
    assert written == len(line.wire.written)


async def test_close_without_a_code() -> None:
    line = Line()
    line.socket.close(None, "BaseVersionMismatch")

    assert [(CLOSE, b"")] == line.wire.frames
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_close_with_a_code_and_a_reason() -> None:
    line = Line()
    line.socket.close(1013, "x" * 200)
    line.socket.close(1011, "again")
    await asyncio.sleep(0)

    assert (1013, b"x" * 123) == line.ws.closed_with


@pytest.mark.parametrize("code", [None, 1013])
async def test_nothing_is_sent_after_the_close(code: int | None) -> None:
    line = Line()
    line.socket.close(code, "end")
    written = len(line.wire.written)
    line.socket.send(b"{}")
    line.socket.send_transition(b"{}")
    line.pass_time(60)

    assert written == len(line.wire.written)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
