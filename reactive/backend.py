"""The seam between sessions and the engine: all that a session knows of what runs its functions."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reactive.values.encoding import JsonBytes
from reactive.values.timestamp import Timestamp

EMPTY_LOG = b"[]"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling. `claims` has everything the token said."""

    token_identifier: str
    subject: str
    issuer: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """The standard claims in snake_case (`name`, `email`, `picture_url`, …), None if absent."""
        if name.startswith("__"):
            raise AttributeError(name)
        head, *rest = name.split("_")
        return self.claims.get(head + "".join(map(str.title, rest)), self.claims.get(name))


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a function runs, and whether internal functions are open to them."""

    identity: Identity | None = None
    is_admin: bool = False


ANYBODY = Caller()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a function failed, as its caller may see it.

    `data` is the JSON of an `ApplicationError`'s data. The server's log has the same `request_id`.
    """

    message: str
    data: JsonBytes | None = None
    code: str = "ServerError"
    request_id: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """What a client is told."""
        return f"[Request ID: {self.request_id}] {self.message}"


class QueryOutcome:
    """What one run of a query gave. Shared by all who watch it; never changed after it is made.

    `pieces` keeps what protocols make of it, so that they make it once however many watch.
    """

    __slots__ = ("failure", "journal", "log_lines", "pieces", "ts", "value")

    def __init__(
        self,
        ts: Timestamp,
        value: JsonBytes | None,
        failure: Failure | None,
        log_lines: JsonBytes,
        journal: str | None,
    ) -> None:
        self.ts = ts
        self.value = value
        self.failure = failure
        self.log_lines = log_lines
        self.journal = journal
        self.pieces: dict[object, Any] = {}

    def says_the_same(self, other: "QueryOutcome") -> bool:
        """Whether a client that was sent the other need not be sent this."""
        return self is other or (
            self.value == other.value
            and self.log_lines == other.log_lines
            and self.failure == other.failure
        )


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What a mutation or an action gave; `ts` is the commit of a mutation that succeeded."""

    value: JsonBytes | None
    failure: Failure | None
    log_lines: JsonBytes = EMPTY_LOG
    ts: Timestamp = 0
    result: object = None
    """The value before it was encoded, for callers in this process."""
    error: BaseException | None = None


class Watch(Protocol):
    """One query that one session watches."""

    def outcome(self, at: Timestamp) -> QueryOutcome | None:
        """The query's outcome at the timestamp, which is the newest or a recent one.

        None when it takes longer than this turn of the event loop: `ready` of the watcher is called
        when there is something to ask for again.
        """
        ...

    def close(self) -> None:
        """Nobody is told any more."""
        ...


class Watcher(Protocol):
    """Who watches a query."""

    def stale(self, query_id: int) -> None:
        """What was answered last no longer holds."""
        ...

    def ready(self) -> None:
        """An outcome that was not there in time is there now."""
        ...


@dataclass(frozen=True, slots=True)
class MutationRequest:
    """A mutation as a client sends it.

    `session` and `request` name it when it is sent again; `request_id` names it in errors, and is
    made of those two where it is empty.
    """

    path: str
    args: Any
    caller: Caller
    request_id: str = ""
    session: str | None = None
    request: int = -1
    is_internal: bool = False
    """The path and the arguments are Python's own, from a function of the project."""
    lane: object = None
    """What `Backend.resume` gave; None for a mutation on its own."""


def request_name(session: str | None, request: int) -> str:
    """The id of a client's request in errors and logs; empty where the client has no name.

    Source: Convex's server, so that a user's report can be found in both.
    """
    if session is None:
        return ""
    return hashlib.sha256(f"{session}|{request}".encode()).hexdigest()[:16]


class Lane(Protocol):
    """Mutations of one client, which run one after another in the order in which they are sent."""

    last_receipt: int
    """The highest request of the client that is known to have taken effect, -1 for none."""

    last_ts: Timestamp
    """The commit of that request."""


class Backend(Protocol):
    """Runs functions for sessions and HTTP."""

    @property
    def head(self) -> Timestamp:
        """The newest commit."""
        ...

    async def wait_for(self, ts: Timestamp) -> bool:
        """Whether the commit at `ts` is known, after waiting a little for it."""
        ...

    def watch(
        self,
        path: str,
        args: Any,
        caller: Caller,
        journal: str | None,
        watcher: Watcher,
        query_id: int,
    ) -> Watch: ...

    async def query(
        self, path: str, args: Any, caller: Caller, at: Timestamp | None = None
    ) -> QueryOutcome: ...

    def mutate(self, request: MutationRequest, done: Callable[[CallOutcome], None]) -> None:
        """Runs a mutation; `done` is called once it is durable, or has failed.

        Raises:
            OverloadedError: when too many are waiting.
        """
        ...

    async def resume(self, session: str | None) -> Lane:
        """The lane of a client's mutations, who may send some of them again."""
        ...

    async def mutate_and_wait(self, request: MutationRequest) -> CallOutcome:
        """As `mutate`, for callers who can wait."""
        ...

    async def act(self, path: str, args: Any, caller: Caller, request_id: str) -> CallOutcome: ...

    async def call(self, path: str, args: Any, caller: Caller, request_id: str) -> CallOutcome:
        """Runs a function of whatever kind it is."""
        ...

    async def identify(self, token: str) -> Identity:
        """The identity that a user's token proves.

        Raises:
            CallError: when it proves none.
        """
        ...

    def admin(self, key: str, acting_as: Mapping[str, Any] | None) -> Caller:
        """The caller that an admin key makes.

        Raises:
            CallError: `BadAdminKey`.
        """
        ...
