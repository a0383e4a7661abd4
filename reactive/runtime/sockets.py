"""Sockets as an author declares them, in `functions/socketio.py`: events in, events out.

What a client is to get again after it was away is the author's to say; nothing here remembers what
was sent. A client that takes too little is sent no more: `emit` says so, and `drained` when to go
on from wherever that client was.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reactive.errors import CallError, ProjectError

if TYPE_CHECKING:
    from reactive.backend import Caller
    from reactive.links import SocketLink
    from reactive.runtime.context import ActionCtx

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)
R = TypeVar("R", bound="Room")
Work = Callable[["ActionCtx"], Awaitable[None]]
Begin = Callable[["Socket", str, Work], asyncio.Task[None]]
"""Runs work for a socket, named in the log, with a context of its own."""

CONNECT: Final = "connect"
DISCONNECT: Final = "disconnect"


class SocketRouter:
    """The events of a project: `socketio = SocketRouter()` in `functions/socketio.py`."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def on(self, event: str) -> Callable[[H], H]:
        """Answers an event by the decorated function, an `async def`.

        It is given the context of an action, the `Socket` and what the client has sent (None for
        nothing), and gives the acknowledgement. Events of one socket are handled one after another.
        `"connect"` is given no payload, and refuses the client by raising; `"disconnect"` is given
        the reason.

        Raises:
            ProjectError: for an event that is taken, and for a handler that is not async.
        """

        def register(handler: H) -> H:
            is_async: bool = inspect.iscoroutinefunction(handler)
            if not is_async:
                raise ProjectError(f"the event {event!r}: {handler!r} must be an async def")
            if event in self._handlers:
                raise ProjectError(f"there are two handlers of the event {event!r}")
            self._handlers[event] = handler
            return handler

        return register

    def find(self, event: str) -> Handler | None:
        """The handler of an event."""
        return self._handlers.get(event)


class Socket:
    """One client. Its tasks end with it."""

    def __init__(self, link: "SocketLink", rooms: dict[str, "Room"], begin: Begin) -> None:
        self._link = link
        self._rooms = rooms
        self._begin = begin
        self._joined: dict[str, Room] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, Work] = {}
        self._is_over = False

    @property
    def id(self) -> str:
        return self._link.id

    @property
    def caller(self) -> "Caller":
        """Who has connected."""
        return self._link.caller

    @property
    def handshake(self) -> Any:
        """What the client has given with its handshake (`auth`); None for nothing."""
        return self._link.handshake

    async def emit(self, event: str, payload: Any) -> bool:
        """Sends an event with what JSON can say; events arrive in the order of these calls.

        False when the client is gone, or has so much to take yet that nothing was sent: the caller
        goes on from there once `drained` returns.
        """
        return await self._link.send(event, payload)

    async def drained(self) -> None:
        """Returns when the client has taken enough of what was sent to it.

        For work that ends with the socket: it does not return once the client is gone.
        """
        await self._link.drained()

    def close(self) -> None:
        """Ends the connection. Clients of Socket.IO come again by themselves."""
        self._link.close()

    def start(self, name: str, work: Work) -> None:
        """Runs work with a context of its own, in place of what this socket runs by that name.

        To be called by a handler: the work begins once the handler's acknowledgement was sent, and
        ends with the socket at the latest. Should it fail the connection ends, so that the client
        comes again.
        """
        self.stop(name)
        self._due[name] = work

    def start_due(self) -> None:
        """Called when a handler is over: its acknowledgement is sent in this turn of the loop."""
        due, self._due = self._due, {}
        if not self._is_over:
            for name, work in due.items():
                self._tasks[name] = self._begin(self, name, work)

    def stop(self, name: str) -> None:
        """Ends the work of that name, if there is any."""
        self._due.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def join(self, name: str, make: Callable[[], R]) -> R:
        """Enters a room, which is made for the first who does.

        Raises:
            CallError: when the client is gone.
        """
        if self._is_over:
            raise CallError("the socket is not connected", code="NotConnected")
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = make()
            room.task = self._begin(self, name, room.run)
        room.sockets[self] = None
        self._joined[name] = room
        return room  # type: ignore[return-value]  # one name, one class: `make` made it

    def room(self, name: str) -> "Room | None":
        """The room of that name, if the socket is in it."""
        return self._joined.get(name)

    def leave(self, name: str) -> None:
        """Leaves a room; one that it is not in is no error. The last to leave ends it."""
        room = self._joined.pop(name, None)
        if room is None:
            return
        room.sockets.pop(self, None)
        if not room.sockets:
            self._rooms.pop(name, None)
            if room.task is not None:
                room.task.cancel()

    def end(self) -> list[asyncio.Task[None]]:
        """Leaves all rooms and cancels its tasks, which are given."""
        for name in list(self._joined):
            self.leave(name)
        self._is_over = True
        tasks = list(self._tasks.values())
        for name in list(self._tasks):
            self.stop(name)
        return tasks


class Room:
    """What several sockets share: whatever one task can do for all of them."""

    def __init__(self) -> None:
        self.sockets: dict[Socket, None] = {}
        self.task: asyncio.Task[None] | None = None

    async def run(self, ctx: "ActionCtx") -> None:
        """Runs while there is a socket in the room, on behalf of the first that came.

        Should it fail, the connections of all who are in it end.
        """

    async def emit(self, event: str, payload: Any) -> None:
        """Sends an event to everybody in the room who can take it."""
        for socket in list(self.sockets):
            await socket.emit(event, payload)
