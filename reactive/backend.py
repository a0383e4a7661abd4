"""The seam between sessions and the engine: all that a session knows of what runs its functions."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from reactive.errors import CallError, LimitError, ReactiveError
from reactive.values.encoding import JsonBytes
from reactive.values.timestamp import Timestamp

EMPTY_LOG = b"[]"

_OPENID_NAMES = {
    "profile_url": "profile",
    "picture_url": "picture",
    "website_url": "website",
    "birthday": "birthdate",
    "timezone": "zoneinfo",
    "language": "locale",
}
"""Attributes that Convex names otherwise than OpenID Connect names the claim."""

_YEAR_10000_S = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling.

    `claims` has what the token said, under its own names; what is nested is there under dotted
    names (`"org.id"`), too. What differs between two tokens of one user (`exp`, `iat`, `jti`, …) is
    left out, so that identities are equal when their users are.

    Convex's attributes are attributes in snake_case: `name`, `given_name`, `family_name`,
    `nickname`, `preferred_username`, `profile_url`, `picture_url`, `website_url`, `email`,
    `email_verified`, `gender`, `birthday`, `timezone`, `language`, `phone_number`,
    `phone_number_verified`, `address` and `updated_at` (RFC 3339). Any other name is a claim's.
    What the token did not say is None.
    """

    token_identifier: str
    subject: str
    issuer: str
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        head, *rest = name.split("_")
        # An administrator who acts as a user gives Convex's own names.
        spellings = (_OPENID_NAMES.get(name, name), name, head + "".join(map(str.title, rest)))
        value = next((self.claims[each] for each in spellings if each in self.claims), None)
        if name == "address" and isinstance(value, Mapping):
            return value.get("formatted", value)
        if name == "updated_at" and isinstance(value, int | float) and 0 <= value < _YEAR_10000_S:
            return datetime.fromtimestamp(value, UTC).isoformat()
        return value

    @classmethod
    def impersonated(cls, attributes: Mapping[str, Any]) -> "Identity":
        """The identity that an administrator acts as, from Convex's attributes of one.

        Raises:
            CallError: without `tokenIdentifier`, or `issuer` and `subject`, as texts.
        """
        issuer, subject = attributes.get("issuer"), attributes.get("subject")
        token = attributes.get("tokenIdentifier")
        if token is None and isinstance(issuer, str) and isinstance(subject, str):
            token = f"{issuer}|{subject}"
        if not isinstance(token, str):
            raise CallError(
                "an identity to act as needs tokenIdentifier, or issuer and subject",
                code="BadImpersonation",
            )
        head, _, tail = token.partition("|")
        return cls(token, str(subject or tail), str(issuer or head), dict(attributes))


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a function runs, and whether internal functions are open to them.

    `job` is the id of the scheduled function that it is a part of. `expires_ns` is when the proof
    of the identity ends, in nanoseconds since the epoch. `problem` is what is wrong with the proof
    of a caller who is let in all the same: whoever asks for the identity gets that error.
    """

    identity: Identity | None = None
    is_admin: bool = False
    job: str | None = field(default=None, compare=False)
    expires_ns: int | None = field(default=None, compare=False)
    problem: ReactiveError | None = None

    def is_expired(self, now_ns: int) -> bool:
        """Whether the identity was proved for a time that is over."""
        return self.expires_ns is not None and now_ns >= self.expires_ns


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
    """What one run of a query gave. Shared by all who watch it; never changed after it is made."""

    __slots__ = ("failure", "journal", "log_lines", "ts", "value")

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

    def says_the_same(self, other: "QueryOutcome") -> bool:
        """Whether a client that was sent the other need not be sent this."""
        return self is other or (
            self.value == other.value
            and self.log_lines == other.log_lines
            and self.failure == other.failure
        )


@dataclass(slots=True)
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


@dataclass(slots=True)
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


class Authenticator(Protocol):
    """Knows whom tokens prove to be calling."""

    async def identify(self, token: str) -> Caller:
        """See `Backend.identify`."""
        ...


class Imports(Protocol):
    """Takes rows into the database."""

    async def load(self, path: str, table: str | None, mode: str) -> Mapping[str, int]:
        """Imports a file, an export or one table's rows, and gives the number of rows by table.

        Raises:
            ReactiveError: saying what is wrong; nothing was imported then.
        """
        ...


class LogFollower(Protocol):
    """Hears what functions do, from the moment on at which it was made."""

    async def next(self) -> JsonBytes | None:
        """What has happened since the last call, as JSON lines; waits for something to happen.

        None when nothing will any more. What was missed is a line `{"dropped": n}`.
        """
        ...

    def close(self) -> None:
        """Hears nothing any more."""
        ...


class LogSource(Protocol):
    """Tells what functions do."""

    def follow(self, *, all_runs: bool) -> LogFollower:
        """A follower who hears of failures, and of what was logged; or of everything."""
        ...


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

    async def identify(self, token: str) -> Caller:
        """Who a user's token proves to be calling.

        Raises:
            CallError: when it proves nobody.
            RetryableError: when that cannot be known now.
        """
        ...

    def admin(self, key: str, acting_as: Mapping[str, Any] | None) -> Caller:
        """The caller that an admin key makes.

        Raises:
            CallError: `BadAdminKey`, `BadImpersonation`.
        """
        ...


# Files


class FileTooLargeError(LimitError):
    """More bytes than a file may have."""

    default_code = "FileTooLarge"
    http_status = 413


class FileFacts(NamedTuple):
    """What is known of a stored file; `sha256` is base64, `size` bytes."""

    key: str
    size: int
    sha256: str
    content_type: str | None


class Files(Protocol):
    """Takes files in and gives them out."""

    def check_upload(self, token: str) -> None:
        """Whether the token is one of ours and still good.

        Raises:
            CallError: `StorageTokenInvalid` or `StorageTokenExpired`.
        """
        ...

    async def receive(
        self,
        chunks: AsyncIterable[bytes],
        content_type: str | None,
        sha256: bytes | None = None,
    ) -> str:
        """Keeps a file and gives its id once it is durable; keeps nothing of one that breaks off.

        Raises:
            FileTooLargeError: when there is no end to it.
            CallError: `Sha256Mismatch`, when it is not what the sender says.
        """
        ...

    async def find(self, key: str) -> FileFacts | None:
        """The file that a URL names, unless it was deleted."""
        ...

    def read(
        self, file: FileFacts, start: int, end: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes from `start` up to, not including, `end`, in pieces.

        Raises:
            StorageError: on entering, when they are lost.
        """
        ...


# HTTP endpoints of a project

ENDPOINT_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Cors:
    """Which pages of other origins may call an endpoint; made by `reactive.cors`.

    `origins` and `headers` are None for the server's `allowed_origins`, and for whatever headers a
    page asks to send.
    """

    origins: tuple[str, ...] | None
    headers: tuple[str, ...] | None
    expose: tuple[str, ...]
    credentials: bool
    max_age_s: int

    def __call__(self, handler: H) -> H:
        """Decorates the handler of an endpoint."""
        # Any function takes attributes, which no type of functions says.
        handler.__reactive_cors__ = self  # type: ignore[attr-defined]
        return handler


class Endpoint(Protocol):
    """One HTTP endpoint, as it was when a request came for it."""

    @property
    def cors(self) -> Cors | None: ...

    @property
    def tail(self) -> str:
        """What follows the prefix in the request's path; empty for an exact path."""
        ...

    async def run(
        self, request: object, caller: Caller, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Runs the author's code on a request and has what it gives sent.

        Raises:
            Exception: whatever the code, or `send`, raises.
        """
        ...

    def failure(self, error: BaseException) -> Failure:
        """What the client may see of an exception of `run`; all of it goes to the log."""
        ...


class Endpoints(Protocol):
    """The HTTP endpoints of the project that is being served."""

    @property
    def is_empty(self) -> bool:
        """Whether the project has none at all."""
        ...

    def find(self, method: str, path: str) -> Endpoint | None:
        """The endpoint of a request, if there is one."""
        ...
