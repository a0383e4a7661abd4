"""A project's sockets as Socket.IO 5 over Engine.IO 4, by python-socketio: the only place that
knows that package, which is installed with the extra `legacy`.

    project's handlers ◀── SocketEvents ──▶ SocketIoHub ◀── python-socketio ──▶ polling, WebSocket

Each client has one queue of packets, which the transport empties. It is bounded for what the
project sends (`Link.send` says no), never for Engine.IO's own pings and acknowledgements.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

import engineio
import socketio
from aiohttp import web
from engineio.async_drivers import aiohttp as driver
from engineio.packet import MESSAGE, PING
from engineio.packet import Packet as EnginePacket
from engineio.payload import Payload
from socketio.exceptions import ConnectionRefusedError as Refused
from socketio.packet import EVENT
from socketio.packet import Packet as SocketPacket

from reactive.backend import ANYBODY, Backend, Caller
from reactive.clock import Clock, Timer
from reactive.errors import ApplicationError, CallError, ReactiveError, RetryableError
from reactive.limits import Limits
from reactive.links import SocketEvents
from reactive.wire.origins import Origins

_log = logging.getLogger("reactive.wire")

PATH: Final = "/socket.io/"
_NAMESPACE: Final = "/"
_EXPIRED: Final = "the token has expired"


class _Outgoing(asyncio.Queue[EnginePacket | None]):
    """What one client has yet to take."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bytes = 0
        self._burst = 0
        self._is_ended = False
        self.has_room = asyncio.Event()
        self.has_room.set()
        super().__init__()

    def _put(self, item: EnginePacket | None) -> None:
        if item is not None and item.packet_type == PING:
            # A client that is slow must hear it in time to answer.
            self._queue.appendleft(item)  # type: ignore[attr-defined]  # typeshed leaves it out
            return
        super()._put(item)
        self._count(item, 1)

    def _get(self) -> EnginePacket | None:
        item = super()._get()
        self._count(item, -1)
        return item

    def _count(self, item: EnginePacket | None, sign: int) -> None:
        data = None if item is None else item.data
        if isinstance(data, str | bytes):
            self._bytes += sign * len(data)
        if self._bytes < self._limits.socket_unsent_bytes_max:
            self.has_room.set()
        else:
            self.has_room.clear()

    def end(self) -> None:
        """Ends the transport after what was put before; a poll that waits is answered."""
        if not self._is_ended:
            self._is_ended = True
            self.put_nowait(None)

    async def get(self) -> EnginePacket | None:
        self._burst = 0
        return await super().get()

    def get_nowait(self) -> EnginePacket | None:
        """After `get` engineio takes whatever there is: here, only what one answer may have."""
        if self._burst >= self._limits.socket_packets_max:
            raise asyncio.QueueEmpty
        self._burst += 1
        return super().get_nowait()


class _WebSocket(driver.WebSocket):  # type: ignore[misc]  # the library has no types
    """A WebSocket that does not wait long for a client's goodbye."""

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        request: web.Request = environ["aiohttp.request"]
        limits: Limits = self.server.limits
        self._sock = web.WebSocketResponse(
            timeout=limits.socket_close_s, max_msg_size=limits.socket_message_bytes_max
        )
        await self._sock.prepare(request)
        self.environ = environ
        await self.handler(self)
        return self._sock


class _Body:
    """A request's body that was read already, for a reader that asks for all of it at once."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, size: int) -> bytes:
        return self._data[:size]


class _Engine(engineio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """Engine.IO with bounded queues and whole bodies; what it leaves running is ended."""

    def __init__(self, *, limits: Limits, **options: Any) -> None:
        self.limits = limits
        self.tasks: set[asyncio.Task[Any]] = set()
        super().__init__(async_mode="aiohttp", **options)
        self._async: dict[str, Any] = {
            **driver._async,
            "websocket": _WebSocket,
            "translate_request": self._translate,
        }

    def create_queue(self, *_: Any, **__: Any) -> _Outgoing:
        return _Outgoing(self.limits)

    def start_background_task(
        self, target: Callable[..., Awaitable[Any]], *args: Any, **named: Any
    ) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = super().start_background_task(target, *args, **named)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _trigger_event(self, event: str, *args: Any, **options: Any) -> Any:
        answer = await super()._trigger_event(event, *args, **options)
        if event == "disconnect" and (gone := self.sockets.get(args[0])) is not None:
            # Engine.IO lets the poll of a client that has left wait for more.
            gone.queue.end()
        return answer

    async def _translate(self, request: web.Request) -> dict[str, Any]:
        environ: dict[str, Any] = driver.translate_request(request)
        if request.method == "POST":
            data = bytearray()
            # One byte too many is enough to be refused.
            while len(data) <= self.max_http_buffer_size:
                piece = await request.content.read(self.max_http_buffer_size + 1 - len(data))
                if not piece:
                    break
                data += piece
            environ["wsgi.input"] = _Body(bytes(data))
            environ["CONTENT_LENGTH"] = str(len(data))
        return environ


class _Server(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine

    async def _handle_event_internal(
        self, server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, id: int | None
    ) -> None:
        event = data[0]
        if not isinstance(event, str) or event in self.reserved_events:
            # It would be taken for what python-socketio itself says when a client comes or goes.
            data = [repr(event), *data[1:]]
        await super()._handle_event_internal(server, sid, eio_sid, data, namespace, id)


class _Link:
    """Implements `reactive.links.SocketLink`."""

    def __init__(self, hub: "SocketIoHub", id: str, engine_id: str, caller: Caller, auth: Any):
        self._hub = hub
        self.id = id
        self.engine_id = engine_id
        self.caller = caller
        self.handshake = auth
        self.is_open = True
        self.expiry: Timer | None = None
        # What is sent to a client that does not know yet that it is connected.
        self._early: list[str] | None = []

    def opened(self) -> None:
        """The client has been told that it is connected."""
        early, self._early, queue = self._early or [], None, self._queue
        if queue is not None:
            for data in early:
                queue.put_nowait(EnginePacket(MESSAGE, data=data))

    @property
    def _queue(self) -> _Outgoing | None:
        engine = self._hub.engine.sockets.get(self.engine_id)
        return None if engine is None or engine.closed else engine.queue

    async def send(self, event: str, payload: Any) -> bool:
        queue = self._queue
        if queue is None or not self.is_open or not queue.has_room.is_set():
            return False
        data = SocketPacket(EVENT, data=[event, payload], namespace=_NAMESPACE).encode()
        if self._early is not None:
            self._early.append(data)
        else:
            await self._hub.engine.send(self.engine_id, data)
        return True

    async def drained(self) -> None:
        queue = self._queue
        if queue is not None:
            await queue.has_room.wait()
        if not self.is_open:
            await asyncio.get_running_loop().create_future()

    def close(self) -> None:
        self._hub.engine.start_background_task(self.end)

    async def end(self) -> None:
        """As `close`, and returns when what runs for the socket has ended."""
        engine = self._hub.engine.sockets.get(self.engine_id)
        if engine is not None:
            await self._hub.end_engine(engine)


class _Poll:
    """The newest poll of a client."""

    def __init__(self, request: web.Request) -> None:
        self._transport = request.transport
        self._keeps_alive = request.keep_alive
        self.is_waiting = True

    @property
    def is_in_doubt(self) -> bool:
        """Whether the client may not have the answer, now that it polls again."""
        is_lost = self._transport is None or self._transport.is_closing()
        return self.is_waiting or (is_lost and self._keeps_alive)


class SocketIoHub:
    """All Socket.IO clients of a server."""

    def __init__(
        self,
        backend: Backend,
        events: SocketEvents,
        origins: Origins,
        clock: Clock,
        limits: Limits,
    ) -> None:
        # Of the whole process, as python-engineio has it: one client may send many events at once.
        Payload.max_decode_packets = limits.socket_received_packets_max
        self._backend = backend
        self._events = events
        self._origins = origins
        self._clock = clock
        self._limits = limits
        self._links: dict[str, _Link] = {}
        self._polls: WeakKeyDictionary[Any, _Poll] = WeakKeyDictionary()
        self._is_closed = False
        quiet = logging.getLogger("reactive.socketio")
        quiet.setLevel(logging.ERROR)
        self._server = _Server(
            limits=limits,
            logger=quiet,
            engineio_logger=quiet,
            # The origin is checked, and the headers are added, as for every other path.
            cors_allowed_origins=[],
            max_http_buffer_size=limits.socket_message_bytes_max,
        )
        self.engine: _Engine = self._server.eio
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        self._server.on("*", self._event)

    def __len__(self) -> int:
        return len(self._links)

    def answers(self, path: str) -> bool:
        """Whether this is a path of Socket.IO, and the project has sockets."""
        return path.startswith(PATH) and not self._events.is_empty

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answers a request of a Socket.IO client."""
        if not self._origins.allows(request):
            raise web.HTTPForbidden(text="this origin may not connect")
        if self._is_closed:
            raise web.HTTPServiceUnavailable(text="this server is about to stop")
        polling = self.engine.sockets.get(request.query.get("sid", ""))
        if polling is not None and request.method == "GET" and "Upgrade" not in request.headers:
            return await self._poll(request, polling)
        return await self._handle(request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = await self._server.handle_request(request)
        return response

    async def _poll(self, request: web.Request, engine: Any) -> web.StreamResponse:
        """Answers a poll, unless what the one before was answered may not have arrived.

        HTTP clients ask again by themselves when a connection breaks, and would never learn of
        what they have missed: this one is to connect anew.
        """
        last = self._polls.get(engine)
        if last is not None and last.is_in_doubt:
            _log.info("a client of Socket.IO has lost a connection, and connects anew")
            await self.end_engine(engine)
            raise web.HTTPBadRequest(text="the poll before this one was lost")
        poll = self._polls[engine] = _Poll(request)
        try:
            return await self._handle(request)
        finally:
            poll.is_waiting = False

    async def end_engine(self, engine: Any) -> None:
        """Ends the connection of an Engine.IO client; what was sent before is still delivered.

        Without Engine.IO's own goodbye: a Python client takes it for good, and does not come again.
        """
        await engine.close(wait=False, abort=True)

    async def restart(self) -> None:
        """Ends all connections; the clients come again by themselves."""
        for link in list(self._links.values()):
            await link.end()

    async def close(self) -> None:
        """Ends all connections and whatever runs for them."""
        self._is_closed = True
        # Nobody will take what those have left who are gone.
        queues = [each.queue for each in self.engine.sockets.values() if not each.closed]
        await self.restart()
        deadline = self._limits.socket_close_s
        waiting = [asyncio.ensure_future(queue.join()) for queue in queues]
        if waiting:
            await asyncio.wait(waiting, timeout=deadline)
        for task in [*waiting, *self.engine.tasks]:
            task.cancel()

    # What python-socketio calls

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        engine_id: str = self._server.manager.eio_sid_from_sid(sid, _NAMESPACE)
        try:
            caller = await self._caller(auth)
            link = _Link(self, sid, engine_id, caller, auth)
            # This is the task of the whole connection, for which no stop of the server must wait.
            await self.engine.start_background_task(self._events.opened, link)
        except Exception as error:
            refusal = self._refusal("connect", error)
            raise Refused(refusal["message"], refusal) from error
        self._links[sid] = link
        if caller.expires_ns is not None:
            left_s = (caller.expires_ns - self._clock.now_ns()) / 1e9
            link.expiry = self._clock.call_later(max(0.0, left_s), lambda: self._expire(link))
        # python-socketio tells the client in this turn of the loop, when this returns.
        asyncio.get_running_loop().call_soon(link.opened)

    async def _caller(self, auth: Any) -> Caller:
        """Who connects; nobody in particular without a token.

        Raises:
            CallError, RetryableError: when the token proves nobody.
        """
        token = auth.get("token") if isinstance(auth, dict) else None
        if token is None or token == "":
            return ANYBODY
        if not isinstance(token, str):
            raise CallError("auth.token must be a string", code="InvalidAuthHeader")
        try:
            return await self._backend.identify(token)
        except CallError as error:
            if error.code == "NoAuthProvider":
                # On a server that asks nobody who he is a token says nothing.
                return ANYBODY
            raise

    async def _disconnect(self, sid: str, reason: str) -> None:
        link = self._links.pop(sid, None)
        if link is None:
            return
        link.is_open = False
        link.close()
        if link.expiry is not None:
            link.expiry.cancel()
        await self._events.closed(link, reason)

    async def _event(self, event: str, sid: str, *data: Any) -> Any:
        link = self._links.get(sid)
        if link is None:
            return None
        try:
            return await self._events.heard(link, event, data[0] if data else None)
        except Exception as error:  # noqa: BLE001 - it is the author's code that raised
            return {"error": self._refusal(event, error)}

    def _expire(self, link: _Link) -> None:
        _log.info("socket %s: %s", link.id, _EXPIRED)
        link.close()

    def _refusal(self, event: str, error: Exception) -> dict[str, Any]:
        """What a client is told of an error: `{code, message}`."""
        data = error.data if isinstance(error, ApplicationError) else None
        if isinstance(data, dict) and {"code", "message"} <= data.keys():
            return data
        failure = self._events.failure(event, error)
        if isinstance(error, ReactiveError) and error.is_public:
            return {"code": failure.code, "message": failure.message}
        if isinstance(error, RetryableError):
            return {"code": failure.code, "message": error.message}
        return {"code": failure.code, "message": failure.text}
