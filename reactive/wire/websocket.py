"""One WebSocket to one session."""

import asyncio
import logging

from aiohttp import WSCloseCode, WSMsgType, web

from reactive.backend import Backend
from reactive.clock import Clock
from reactive.errors import CallError
from reactive.limits import Limits
from reactive.protocol.codec import PING, decode_client_message
from reactive.protocol.frames import CLOSE_WITHOUT_CODE, text_frames
from reactive.protocol.version import ClientVersion
from reactive.session.rounds import Rounds
from reactive.session.worker import SessionWorker
from reactive.values.encoding import JsonBytes

_log = logging.getLogger("reactive.wire")
_CLOSE_S = 2.0
_TICK_S = 1.0
_REASON_BYTES_MAX = 123


class Socket:
    """Implements `reactive.session.worker.Connection` on an aiohttp WebSocket.

    Frames are made here and given to the transport, which keeps them in order with aiohttp's own; a
    message that many sockets are sent is framed once.
    """

    __slots__ = (
        "_held",
        "_hub",
        "_is_closing",
        "_pinged_at",
        "_sent_at",
        "_transport",
        "_waiting",
        "_ws",
        "heard_at",
    )

    def __init__(
        self, hub: "SocketHub", ws: web.WebSocketResponse, transport: asyncio.WriteTransport
    ) -> None:
        self._hub = hub
        self._ws = ws
        self._transport = transport
        self._held: list[JsonBytes] | None = None
        self._waiting = 0
        self._is_closing = False
        self.heard_at = self._sent_at = self._pinged_at = hub.clock.monotonic()

    @property
    def is_closing(self) -> bool:
        return self._is_closing

    def send(self, text: JsonBytes) -> None:
        frame = self._hub.frame(text)
        self._write(frame if self._held is None else self._held_frames() + frame)

    def hold(self, text: JsonBytes) -> None:
        if self._held is None:
            self._held = []
        self._held.append(text)

    def flush(self) -> None:
        if self._held is not None:
            self._write(self._held_frames())

    def _held_frames(self) -> bytes:
        held, self._held = self._held or (), None
        return b"".join([text_frames(text, self._hub.limits.fragment_bytes) for text in held])

    def _write(self, frames: bytes) -> None:
        if self._is_closing or self._transport.is_closing():
            return
        self._sent_at = self._hub.now
        self._transport.write(frames)
        buffered = self._transport.get_write_buffer_size()
        if buffered == 0:
            self._waiting = 0
        elif buffered > self._hub.limits.session_buffer_bytes_max:
            self._is_closing = True
            self._transport.abort()

    def send_transition(self, text: JsonBytes) -> None:
        self._waiting += 1
        self.send(text)

    def is_slow(self) -> bool:
        if self._waiting and self._transport.get_write_buffer_size() == 0:
            self._waiting = 0
        return self._waiting >= self._hub.limits.transitions_waiting_max

    def close(self, code: int | None, reason: str) -> None:
        if self._is_closing:
            return
        self.flush()
        self._is_closing = True
        if code is None:
            self._transport.write(CLOSE_WITHOUT_CODE)
        self._hub.close_later(self._ws, code, reason)

    def tick(self, now: float) -> None:
        """Keeps the connection alive, or ends it when the client is gone."""
        limits = self._hub.limits
        if self._is_closing:
            return
        if now - self.heard_at > limits.socket_silence_s:
            self.close(WSCloseCode.OK, "ClientDisconnected")
            return
        if now - self._sent_at >= limits.ping_idle_s:
            self.send(PING)
        if now - self._pinged_at >= limits.socket_ping_s and not self._transport.is_closing():
            self._pinged_at = now
            self._transport.write(b"\x89\x00")


class SocketHub:
    """All sockets of a server: one timer keeps them alive, one queue gives them their turns."""

    def __init__(self, backend: Backend, clock: Clock, limits: Limits) -> None:
        self.backend = backend
        self.clock = clock
        self.limits = limits
        self.rounds = Rounds(clock, limits)
        self.now = clock.monotonic()
        self._sockets: dict[Socket, None] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._last_text: JsonBytes = b""
        self._last_frame = b""
        self._ticker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._sockets)

    def frame(self, text: JsonBytes) -> bytes:
        """The frames of a text; the same object is framed once."""
        if text is not self._last_text:
            self._last_frame = text_frames(text, self.limits.fragment_bytes)
            self._last_text = text
        return self._last_frame

    def start(self) -> None:
        """Starts the timer."""
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            self.now = self.clock.monotonic()
            for socket in list(self._sockets):
                socket.tick(self.now)
            await asyncio.sleep(_TICK_S)

    def close_later(self, ws: web.WebSocketResponse, code: int | None, reason: str) -> None:
        """Closes without waiting for the client here."""
        task = asyncio.get_running_loop().create_task(_close(ws, code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes all sockets: the server goes away, clients will look for it again."""
        if self._ticker is not None:
            self._ticker.cancel()
        for socket in list(self._sockets):
            socket.close(WSCloseCode.GOING_AWAY, "ServerShutdown")
        if self._closing:
            await asyncio.wait(list(self._closing), timeout=_CLOSE_S)

    async def serve(self, request: web.Request, version: ClientVersion) -> web.WebSocketResponse:
        """Speaks with one client until either side ends it."""
        ws = web.WebSocketResponse(
            compress=False,
            autoping=False,
            autoclose=False,
            max_msg_size=self.limits.frame_bytes_max,
            decode_text=False,
            timeout=_CLOSE_S,
        )
        if version.state is not None:
            ws.headers["x-convex-deprecation-state"] = version.state
            ws.headers["x-convex-deprecation-message"] = version.advice()
        await ws.prepare(request)
        transport = request.transport
        if transport is None:
            return ws
        socket = Socket(self, ws, transport)
        worker = SessionWorker(self.backend, socket, self.rounds, self.limits, version)
        self._sockets[socket] = None
        try:
            await self._listen(ws, socket, worker)
        finally:
            del self._sockets[socket]
            worker.close()
        return ws

    async def _listen(
        self, ws: web.WebSocketResponse, socket: Socket, worker: SessionWorker
    ) -> None:
        while True:
            frame = await ws.receive()
            socket.heard_at = self.now
            kind = frame.type
            if kind is WSMsgType.TEXT:
                if socket.is_closing:
                    continue
                try:
                    message = decode_client_message(frame.data)
                except CallError as error:
                    if _is_utf8(frame.data):
                        worker.fatal(error)
                    else:
                        socket.close(WSCloseCode.INVALID_TEXT, "InvalidUtf8")
                    continue
                await worker.receive(message)
            elif kind is WSMsgType.PING:
                await ws.pong(frame.data)
            elif kind is WSMsgType.PONG:
                continue
            elif kind is WSMsgType.BINARY:
                socket.close(WSCloseCode.UNSUPPORTED_DATA, "BinaryNotSupported")
            else:
                if kind is WSMsgType.CLOSE and not socket.is_closing:
                    await ws.close()
                elif kind is WSMsgType.ERROR:
                    _log.info("a socket failed: %s", ws.exception())
                return


async def _close(ws: web.WebSocketResponse, code: int | None, reason: str) -> None:
    if code is None:
        # The close frame is on its way; the client answers it and the reading loop ends.
        await asyncio.sleep(_CLOSE_S)
        code = WSCloseCode.OK
    await ws.close(code=code, message=reason.encode()[:_REASON_BYTES_MAX])


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
