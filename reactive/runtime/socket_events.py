"""Runs the socket events of a project; implements `reactive.links.SocketEvents`."""

import asyncio
import logging
from typing import Any, Protocol

from reactive.backend import Failure
from reactive.errors import CallError, OverloadedError
from reactive.limits import Limits
from reactive.links import SocketLink
from reactive.runtime.context import ActionCtx, Calls
from reactive.runtime.execution import note_run, run_of
from reactive.runtime.logs import LogFeed
from reactive.runtime.runner import Project, Runner
from reactive.runtime.sockets import CONNECT, DISCONNECT, Handler, Room, Socket, Work

_log = logging.getLogger("reactive.functions")


class SocketService(Protocol):
    """What sockets need of `FunctionService`."""

    logs: LogFeed

    @property
    def project(self) -> Project: ...

    def note_running(self) -> object:
        """The current task is an action: the server waits for it before it stops."""
        ...


class _Connected:
    """A socket, and whose turn it is to be handled."""

    __slots__ = ("socket", "turn", "waiting")

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.turn = asyncio.Lock()
        self.waiting = 0


class ProjectSockets:
    """The sockets of whatever project is loaded."""

    def __init__(
        self, service: SocketService, runner: Runner, calls: Calls, limits: Limits
    ) -> None:
        self._service = service
        self._runner = runner
        self._calls = calls
        self._limits = limits
        self._connected: dict[SocketLink, _Connected] = {}
        self._rooms: dict[str, Room] = {}

    @property
    def is_empty(self) -> bool:
        return self._service.project.sockets is None

    async def opened(self, link: SocketLink) -> None:
        """See `reactive.links.SocketEvents`."""
        connected = _Connected(Socket(link, self._rooms, self._begin))
        self._connected[link] = connected
        handler = self._handler(CONNECT)
        if handler is None:
            return
        try:
            await self._run(CONNECT, handler, connected.socket)
        except BaseException:
            await self._end(link)
            raise

    async def heard(self, link: SocketLink, event: str, payload: Any) -> Any:
        """See `reactive.links.SocketEvents`."""
        connected = self._connected.get(link)
        handler = None if event in (CONNECT, DISCONNECT) else self._handler(event)
        if handler is None:
            raise CallError(f"there is no event {event!r:.80}", code="UnknownEvent")
        if connected is None:
            raise CallError("the socket is not connected", code="NotConnected")
        if connected.waiting >= self._limits.socket_events_max:
            raise OverloadedError("too many events of this socket are waiting")
        connected.waiting += 1
        try:
            async with connected.turn:
                return await self._run(event, handler, connected.socket, payload)
        finally:
            connected.waiting -= 1

    async def closed(self, link: SocketLink, reason: str) -> None:
        """See `reactive.links.SocketEvents`."""
        connected = self._connected.get(link)
        if connected is None:
            return
        await self._end(link)
        handler = self._handler(DISCONNECT)
        if handler is not None:
            try:
                await self._run(DISCONNECT, handler, connected.socket, reason)
            except Exception as error:  # noqa: BLE001 - it is the author's code that raised
                self.failure(DISCONNECT, error)

    def failure(self, event: str, error: BaseException) -> Failure:
        """See `reactive.links.SocketEvents`."""
        failure = self._runner.failure(event, error, "")
        run = run_of(error)
        self._service.logs.note("socket", event, run, request_id=failure.request_id, error=error)
        return failure

    def _handler(self, event: str) -> Handler | None:
        router = self._service.project.sockets
        return None if router is None else router.find(event)

    async def _run(self, event: str, handler: Handler, socket: Socket, *args: Any) -> Any:
        self._service.note_running()
        run = self._runner.execution(self._service.project, event, socket.caller, None)
        answers: list[Any] = []

        async def serve(ctx: ActionCtx) -> None:
            answers.append(await handler(ctx, socket, *args))

        try:
            async with asyncio.timeout(self._limits.action_time_s):
                await self._runner.run_endpoint(serve, run, self._calls)
        except Exception as error:
            note_run(error, run)
            raise
        self._service.logs.note("socket", event, run)
        socket.start_due()
        return answers[0]

    async def _end(self, link: SocketLink) -> None:
        connected = self._connected.pop(link)
        tasks = connected.socket.end()
        if tasks:
            await asyncio.wait(tasks)

    # Work that goes on beside the handlers

    def _begin(self, socket: Socket, name: str, work: Work) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._work(socket, name, work))

    async def _work(self, socket: Socket, name: str, work: Work) -> None:
        run = self._runner.execution(self._service.project, name, socket.caller, None)
        try:
            await self._runner.run_endpoint(work, run, self._calls)
        except Exception as error:  # noqa: BLE001 - it is the author's code that raised
            if self._calls.stopping.is_set():
                return
            self.failure(name, error)
            room = next((each for each in self._rooms.values() if each.run == work), None)
            for each in [socket] if room is None else list(room.sockets):
                _log.info("the connection of socket %s ends, as %s has failed", each.id, name)
                each.close()
