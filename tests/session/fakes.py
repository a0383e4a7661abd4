"""A backend that gives answers when a test says so: at once, later, or newer than was asked for."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from reactive.backend import (
    EMPTY_LOG,
    Caller,
    CallOutcome,
    Failure,
    Identity,
    MutationRequest,
    QueryOutcome,
    Watcher,
)
from reactive.errors import OverloadedError, ReactiveError
from reactive.protocol.messages import AddQuery

FAILED = -1


class Key(NamedTuple):
    """What makes two queries the same; `user` only where the query looks at who is calling."""

    path: str
    user: str | None


@dataclass
class FakeLive:
    """One run's outcome, shared by all who watch the same query, like `LiveQuery`."""

    world: "World"
    key: Key
    outcome: QueryOutcome | None = None
    stale_at: int | None = None
    running_at: int | None = None
    watches: dict["FakeWatch", None] = field(default_factory=dict)
    waiting: dict[Watcher, None] = field(default_factory=dict)

    def holds_at(self, at: int) -> QueryOutcome | None:
        if self.outcome is None or (self.stale_at is not None and at >= self.stale_at):
            return None
        return self.outcome

    def run(self, at: int) -> None:
        """A run at `at` is finished."""
        self.running_at = None
        self.outcome = self.world.outcome(self.key, at)
        changes = [ts for ts, _ in self.world.history[self.key.path] if ts > at]
        self.stale_at = min(changes, default=None)
        if self.stale_at is not None:
            self.tell()
        waiting, self.waiting = self.waiting, {}
        for watcher in waiting:
            watcher.ready()

    def tell(self) -> None:
        for watch in list(self.watches):
            watch.watcher.stale(watch.query_id)


class FakeWatch:
    """Implements `reactive.backend.Watch`."""

    def __init__(self, live: FakeLive, watcher: Watcher, query_id: int) -> None:
        self.live = live
        self.watcher = watcher
        self.query_id = query_id
        self.is_closed = False
        live.watches[self] = None

    def outcome(self, at: int) -> QueryOutcome | None:
        assert not self.is_closed
        live = self.live
        known = live.holds_at(at)
        if known is not None:
            return known
        if live.running_at is None:
            if live.key.path in live.world.slow:
                live.running_at = at
            else:
                live.run(live.world.head if live.key.path in live.world.newest else at)
                return live.holds_at(at)
        live.waiting[self.watcher] = None
        return None

    def close(self) -> None:
        self.is_closed = True
        self.live.watches.pop(self, None)


class World:
    """Values over time, and who watches them. A path that starts with "me" is each user's own."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.head = 100
        self.history: dict[str, list[tuple[int, int]]] = {path: [(0, 0)] for path in paths}
        self.lives: dict[Key, FakeLive] = {}
        self.slow: set[str] = set()
        """Paths whose runs take more than a turn of the loop."""
        self.newest: set[str] = set()
        """Paths whose past is no longer kept: they are answered as of the newest commit."""

    def value(self, key: Key, at: int) -> Any:
        """What a fresh run at `at` gives."""
        number = [value for ts, value in self.history[key.path] if ts <= at][-1]
        return number if key.user is None or number == FAILED else f"{key.user}:{number}"

    def outcome(self, key: Key, at: int) -> QueryOutcome:
        value = self.value(key, at)
        if value == FAILED:
            return QueryOutcome(at, None, Failure("failed"), EMPTY_LOG, None)
        return QueryOutcome(at, json.dumps(value).encode(), None, EMPTY_LOG, None)

    def key(self, path: str, caller: Caller) -> Key:
        identity = caller.identity
        user = "" if identity is None else identity.subject
        return Key(path, user if path.startswith("me") else None)

    def commit(self, writes: dict[str, int]) -> int:
        """Changes some values in one commit, and tells whoever was answered what it was before."""
        self.head += 1
        for path, value in writes.items():
            self.history[path].append((self.head, value))
        for live in self.lives.values():
            if live.key.path in writes and live.outcome is not None:
                live.stale_at = live.stale_at or self.head
                live.tell()
        return self.head

    def watch(self, added: AddQuery, caller: Caller, watcher: Watcher) -> FakeWatch:
        key = self.key(added.path, caller)
        live = self.lives.get(key)
        if live is None:
            live = self.lives[key] = FakeLive(self, key)
        return FakeWatch(live, watcher, added.query_id)

    @property
    def running(self) -> list[FakeLive]:
        """Runs that have not finished."""
        return [live for live in self.lives.values() if live.running_at is not None]

    def finish(self, live: FakeLive) -> None:
        """Ends a run."""
        at = live.running_at
        assert at is not None
        live.run(self.head if live.key.path in self.newest else at)


class Bell(Watcher):
    """A watcher that passes on what it is told."""

    def __init__(self, on_stale: Callable[[int], None], on_ready: Callable[[], None]) -> None:
        self._on_stale = on_stale
        self._on_ready = on_ready

    def stale(self, query_id: int) -> None:
        self._on_stale(query_id)

    def ready(self) -> None:
        self._on_ready()


@dataclass
class FakeLane:
    """Implements `reactive.backend.Lane`."""

    last_receipt: int = -1
    last_ts: int = 0


class FakeBackend:
    """Implements `reactive.backend.Backend` over a `World`.

    Mutations and actions wait until the test answers them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.mutations: list[tuple[MutationRequest, Callable[[CallOutcome], None]]] = []
        self.actions: list[tuple[str, Any, Caller, asyncio.Future[CallOutcome]]] = []
        self.resumed: list[str | None] = []
        self.lane = FakeLane()
        self.known_ts = 2**62
        self.is_full = False
        self.refusal: ReactiveError | None = None
        self.expires_ns: int | None = None
        """When the tokens that are shown end."""

    @property
    def head(self) -> int:
        return self.world.head

    async def wait_for(self, ts: int) -> bool:
        return ts <= self.known_ts

    def watch(
        self,
        path: str,
        args: Any,
        caller: Caller,
        journal: str | None,
        watcher: Watcher,
        query_id: int,
    ) -> FakeWatch:
        return self.world.watch(AddQuery(query_id, path, args, journal), caller, watcher)

    async def query(
        self, path: str, args: Any, caller: Caller, at: int | None = None
    ) -> QueryOutcome:
        raise NotImplementedError("a session watches")

    def mutate(self, request: MutationRequest, done: Callable[[CallOutcome], None]) -> None:
        if self.is_full:
            raise OverloadedError("full", code="CommitterFullError")
        self.mutations.append((request, done))

    async def resume(self, session: str | None) -> FakeLane:
        self.resumed.append(session)
        return replace(self.lane)

    async def mutate_and_wait(self, request: MutationRequest) -> CallOutcome:
        raise NotImplementedError("a session does not wait")

    async def act(self, path: str, args: Any, caller: Caller, request_id: str) -> CallOutcome:
        answer: asyncio.Future[CallOutcome] = asyncio.get_running_loop().create_future()
        self.actions.append((path, args, caller, answer))
        return await answer

    async def call(self, path: str, args: Any, caller: Caller, request_id: str) -> CallOutcome:
        raise NotImplementedError("a session knows the kind")

    async def identify(self, token: str) -> Caller:
        if self.refusal is not None:
            raise self.refusal
        return Caller(Identity(f"issuer|{token}", token, "issuer"), expires_ns=self.expires_ns)

    def admin(self, key: str, acting_as: Mapping[str, Any] | None) -> Caller:
        if self.refusal is not None:
            raise self.refusal
        return Caller(is_admin=True)


class FakeConnection:
    """Implements `reactive.session.worker.Connection`: keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.held: list[bytes] = []
        self.transitions: list[list[bytes]] = []
        self.closed: tuple[int | None, str] | None = None
        self.reads_slowly = False

    def send(self, text: bytes) -> None:
        self.flush()
        self.sent.append(text)

    def hold(self, text: bytes) -> None:
        self.held.append(text)

    def flush(self) -> None:
        self.sent.extend(self.held)
        self.held.clear()

    def send_transition(self, text: bytes) -> None:
        self.transitions.append([*self.held, text])
        self.flush()
        self.sent.append(text)

    def is_slow(self) -> bool:
        return self.reads_slowly

    def close(self, code: int | None, reason: str) -> None:
        self.closed = (code, reason)
