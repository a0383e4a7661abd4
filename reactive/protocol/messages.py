"""What clients and server say to each other on a socket: Convex's sync protocol as objects.

Keys of the wire are camelCase; the names here are theirs in snake_case. The server's frequent
messages are made as text at once (`reactive.protocol.codec`) and have no object of their own.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from reactive.values.timestamp import Timestamp


class StateVersion(NamedTuple):
    """How far a client has been brought: its queries, its identity, and the commit they show."""

    query_set: int
    identity: int
    ts: Timestamp


START = StateVersion(0, 0, 0)


@dataclass(slots=True)
class Connect:
    """The first message on a socket, usually.

    `client_ms` is the client's clock in milliseconds since the epoch, for those that show it.
    """

    session_id: str
    max_observed_ts: Timestamp
    client_ms: int | None = None


@dataclass(slots=True)
class AddQuery:
    """A query to watch from now on; `args` is the wire form of its one argument object."""

    query_id: int
    path: str
    args: Any
    journal: str | None


@dataclass(slots=True)
class RemoveQuery:
    """A query that is not watched any more."""

    query_id: int


@dataclass(slots=True)
class ModifyQuerySet:
    """A change of what is watched, from one version to another."""

    base_version: int
    new_version: int
    modifications: tuple[AddQuery | RemoveQuery, ...]


@dataclass(slots=True)
class RunMutation:
    """A mutation to run."""

    request_id: int
    path: str
    args: Any


@dataclass(slots=True)
class RunAction:
    """An action to run."""

    request_id: int
    path: str
    args: Any


@dataclass(slots=True)
class Authenticate:
    """A new identity: `User` with a token, `Admin` with a key, or `None`."""

    base_version: int
    token_type: str
    value: str
    acting_as: dict[str, Any] | None


@dataclass(slots=True)
class Event:
    """Telemetry, which is ignored."""

    event_type: str


ClientMessage = Connect | ModifyQuerySet | RunMutation | RunAction | Authenticate | Event
