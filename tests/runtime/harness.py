"""The app beside this file, served in this process: no sockets, a store in memory."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from reactive.app import App
from reactive.backend import (
    ANYBODY,
    Caller,
    CallOutcome,
    Failure,
    Identity,
    MutationRequest,
    QueryOutcome,
)
from reactive.clock import Clock
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.protocol.codec import decode_client_message
from reactive.protocol.version import UNKNOWN
from reactive.session.rounds import Rounds
from reactive.session.worker import SessionWorker
from reactive.settings import Settings
from reactive.storage.interface import Store
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.values.encoding import from_wire, load_json, to_wire
from tests.session.fakes import FakeConnection
from tests.session.peers import Add, Peer

APP = Path(__file__).with_name("app")


class TickingClock(ManualClock):
    """A clock that moves on by a millisecond whenever somebody looks at it."""

    def now_ns(self) -> int:
        self.advance(0.001)
        return super().now_ns()


class FailedError(Exception):
    """A function failed; `failure` is what its caller was told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def user(name: str, **claims: Any) -> Caller:
    """Somebody who is logged in."""
    return Caller(Identity(f"issuer|{name}", name, "issuer", {"sub": name, **claims}))


async def turns() -> None:
    """Lets everything happen that waits for nobody."""
    for _ in range(30):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what threads bring about.

    Raises:
        TimeoutError: when it takes longer than it could on the busiest machine.
    """
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a condition of several clients has no event
            await asyncio.sleep(0)


@contextmanager
def own_modules() -> Iterator[None]:
    """Whatever a project brings into this process leaves with it."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if name == "schema" or name.partition(".")[0] == "functions":
                del sys.modules[name]


@asynccontextmanager
async def serving(
    folder: Path = APP,
    *,
    limits: Limits = DEFAULT_LIMITS,
    clock: Clock | None = None,
    store: Store | None = None,
    is_dev: bool = True,
    settings: Settings | None = None,
) -> AsyncIterator["Server"]:
    """A server that has started."""
    app = App(
        folder,
        settings or Settings(),
        is_dev=is_dev,
        limits=limits,
        clock=clock or TickingClock(),
        store=store or MemoryStore(limits),
    )
    with own_modules():
        await app.start()
        await turns()
        try:
            yield Server(app, limits)
        finally:
            await app.drain()
            await app.stop()


class Server:
    """A running app, and what tests want of it."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app = app
        self.service = app.service
        self.database = app.database
        self.rounds = Rounds(ManualClock(), limits)
        self._limits = limits
        self._clients = 0
        self._own_subscriptions = app.database.subscriptions

    @property
    def subscriptions(self) -> int:
        """How many live queries of clients are filed; the server has some of its own."""
        return self.database.subscriptions - self._own_subscriptions

    async def query(self, path: str, caller: Caller = ANYBODY, /, **args: Any) -> Any:
        """The result of a query, as Python values."""
        return value_of(await self.service.query(path, to_wire(args), caller))

    async def mutate(self, path: str, caller: Caller = ANYBODY, /, **args: Any) -> Any:
        """The result of a mutation."""
        request = MutationRequest(path, to_wire(args), caller)
        return value_of(await self.service.mutate_and_wait(request))

    async def act(self, path: str, caller: Caller = ANYBODY, /, **args: Any) -> Any:
        """The result of an action."""
        # A task of its own, as on a socket: the server waits for it when it stops.
        running = asyncio.ensure_future(self.service.act(path, to_wire(args), caller, "request"))
        return value_of(await running)

    async def counters(self, *names: str) -> dict[str, int]:
        """The values of counters, read afresh."""
        return {name: await self.query("counters:get", name=name) for name in names}

    async def client(self, *watched: Add, token: str | None = None) -> "Client":
        """A client that is connected, watches these queries and was answered."""
        self._clients += 1
        client = Client(self, self._clients, self._limits)
        client.peer.token = token
        await client.connect()
        if watched:
            await client.watch(*watched)
        return client


class Client:
    """A client of the sync protocol, its session, and the wire between them."""

    def __init__(self, server: Server, number: int, limits: Limits) -> None:
        self.server = server
        self.peer = Peer(number)
        self._limits = limits
        self._open()

    def _open(self) -> None:
        self.connection = FakeConnection()
        self.worker = SessionWorker(
            self.server.service, self.connection, self.server.rounds, self._limits, UNKNOWN
        )
        self._heard = 0

    async def connect(self) -> None:
        """Opens a socket, after closing the one there was."""
        self.worker.close()
        self._open()
        await self.say(*self.peer.connect())

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.worker.receive(decode_client_message(text))
        await turns()
        self.hear()

    async def watch(self, *added: Add) -> None:
        await self.say(self.peer.modify(added))

    async def unwatch(self, *removed: int) -> None:
        await self.say(self.peer.modify((), removed))

    def hear(self) -> list[dict[str, Any]]:
        """What the client was sent since it last listened; every message is checked."""
        new = self.connection.sent[self._heard :]
        self._heard = len(self.connection.sent)
        return [self.peer.receive(text) for text in new]

    @property
    def values(self) -> list[Any]:
        """What the client shows for its queries, or the text of a failure."""
        self.hear()
        told = self.peer.results
        return [
            from_wire(told[each].value) if told[each].error is None else told[each].error
            for each in sorted(told)
        ]


def value_of(outcome: QueryOutcome | CallOutcome) -> Any:
    """The result of a call.

    Raises:
        FailedError: when there is none.
    """
    if outcome.failure is not None:
        raise FailedError(outcome.failure)
    return from_wire(load_json(outcome.value or b"null"))


class Calls:
    """Collects the outcomes of mutations in the order in which they end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.ended: list[tuple[str, CallOutcome]] = []

    def mutate(
        self,
        name: str,
        path: str,
        /,
        *,
        lane: object = None,
        session: str | None = None,
        request: int = -1,
        **args: Any,
    ) -> None:
        """Starts a mutation, which ends under this name."""
        call = MutationRequest(
            path, to_wire(args), ANYBODY, session=session, request=request, lane=lane
        )
        self._server.service.mutate(call, self._done(name))

    def _done(self, name: str) -> Callable[[CallOutcome], None]:
        def done(outcome: CallOutcome) -> None:
            self.ended.append((name, outcome))

        return done

    async def wait(self, count: int) -> list[str]:
        """The names of those that ended, once there are so many."""
        await until(lambda: len(self.ended) >= count)
        return [name for name, _ in self.ended]

    @property
    def values(self) -> Mapping[str, Any]:
        """What each of them gave."""
        return {
            name: outcome.failure.message if outcome.failure else value_of(outcome)
            for name, outcome in self.ended
        }
