"""A client of the sync protocol without a socket, as strict as Convex's own and a little more.

It makes the text of what a client says and takes the text of what the server says. Whatever the
protocol forbids a server fails here at once, whether or not a test asked for it.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reactive.values.timestamp import decode_timestamp, encode_timestamp


class Told(NamedTuple):
    """What a client was told of a query last, without what differs from run to run."""

    value: Any
    error: str | None
    log_lines: tuple[str, ...]


class Version(NamedTuple):
    """The server's view of a client, as the client has it."""

    query_set: int
    identity: int
    ts: int


class Add(NamedTuple):
    """A query that the client wants to watch."""

    path: str
    args: dict[str, Any]
    journal: str | None = None


@dataclass
class Call:
    """A mutation or an action that the client has sent."""

    kind: str
    path: str
    args: dict[str, Any]
    response: dict[str, Any] | None = None
    is_settled: bool = False


@dataclass
class _Socket:
    """What a client forgets when its socket is gone."""

    floor: int = 0
    version: Version = field(default_factory=lambda: Version(0, 0, 0))
    query_set: int = 0
    identity: int = 0
    told: dict[int, Told] = field(default_factory=dict)
    added_at: dict[int, int] = field(default_factory=dict)
    unconfirmed: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    owes_transition: bool = False


class Peer:
    """One client over all of its sockets."""

    def __init__(self, number: int = 0) -> None:
        self.session_id = str(uuid.UUID(int=number))
        self.queries: dict[int, Add] = {}
        self.calls: dict[int, Call] = {}
        self.token: str | None = None
        self.observed = 0
        self.transitions = 0
        self._next_query = 0
        self._next_request = 0
        self.socket = _Socket()

    @property
    def version(self) -> Version:
        return self.socket.version

    @property
    def results(self) -> dict[int, Told]:
        """What the client shows for the queries that it watches and was answered."""
        told = self.socket.told
        return {query_id: told[query_id] for query_id in self.queries if query_id in told}

    # What it says

    def connect(self) -> list[str]:
        """A new socket: everything that is sent again, in the order in which clients send it."""
        self.socket = _Socket(floor=self.observed)
        hello = {"type": "Connect", "sessionId": self.session_id, "connectionCount": 0}
        if self.observed:
            hello["maxObservedTimestamp"] = encode_timestamp(self.observed)
        said = [json.dumps(hello)]
        if self.token is not None:
            said.append(self.authenticate(self.token))
        said.append(self._modify(self.queries, ()))
        for request, call in list(self.calls.items()):
            if call.is_settled:
                continue
            if call.kind == "Action" and call.response is None:
                # Nobody can know whether it ran.
                call.is_settled = True
                continue
            said.append(self._call(request, call))
        return said

    def modify(self, add: Iterable[Add] = (), remove: Iterable[int] = ()) -> str:
        """Watches other queries."""
        added = range(self._next_query, self._next_query + len(adds := list(add)))
        self._next_query = added.stop
        self.queries |= dict(zip(added, adds, strict=True))
        removed = list(remove)
        for query_id in removed:
            del self.queries[query_id]
        return self._modify(added, removed)

    def _modify(self, added: Iterable[int], removed: Iterable[int]) -> str:
        socket = self.socket
        base, socket.query_set = socket.query_set, socket.query_set + 1
        modifications: list[dict[str, Any]] = []
        for query_id in added:
            socket.added_at[query_id] = socket.query_set
            query = self.queries.get(query_id)
            if query is not None:
                modifications.append(
                    {
                        "type": "Add",
                        "queryId": query_id,
                        "udfPath": query.path,
                        "args": [query.args],
                        "journal": query.journal,
                    }
                )
        for query_id in removed:
            modifications.append({"type": "Remove", "queryId": query_id})
            socket.unconfirmed.add(query_id)
        socket.owes_transition = True
        return json.dumps(
            {
                "type": "ModifyQuerySet",
                "baseVersion": base,
                "newVersion": socket.query_set,
                "modifications": modifications,
            }
        )

    def authenticate(self, token: str | None) -> str:
        """Becomes somebody else."""
        self.token = token
        base, self.socket.identity = self.socket.identity, self.socket.identity + 1
        self.socket.owes_transition = True
        said = {"type": "Authenticate", "baseVersion": base, "tokenType": "None"}
        if token is not None:
            said |= {"tokenType": "User", "value": token}
        return json.dumps(said)

    def call(self, kind: str, path: str, args: dict[str, Any]) -> str:
        """Runs a mutation or an action."""
        request = self._next_request
        self._next_request += 1
        self.calls[request] = Call(kind, path, args)
        return self._call(request, self.calls[request])

    def _call(self, request: int, call: Call) -> str:
        said = {"requestId": request, "udfPath": call.path, "args": [call.args]}
        return json.dumps({"type": call.kind, **said})

    # What it hears

    def receive(self, text: bytes | str) -> dict[str, Any]:
        """Takes one message; anything that a strict client would trip over fails here."""
        message: dict[str, Any] = json.loads(text)
        kind = message["type"]
        if kind == "Transition":
            self._transition(message)
        elif kind in ("MutationResponse", "ActionResponse"):
            self._response(message)
        else:
            assert kind == "Ping", f"the server says {message}"
        return message

    def _transition(self, message: dict[str, Any]) -> None:
        socket = self.socket
        start, end = _version(message["startVersion"]), _version(message["endVersion"])
        assert socket.version == start, "Invalid start version"
        assert start.query_set <= end.query_set <= socket.query_set
        assert start.identity <= end.identity <= socket.identity
        assert start.ts <= end.ts
        assert socket.floor <= end.ts, "the client goes back in time"
        assert isinstance(message["serverTs"], int)
        ids = [change["queryId"] for change in message["modifications"]]
        assert sorted(set(ids)) == ids, "one entry for each query, in order"
        for change in message["modifications"]:
            self._change(change)
        for query_id in self.queries:
            if socket.added_at[query_id] <= end.query_set:
                assert query_id in socket.told, f"query {query_id} was never answered"
        socket.version = end
        socket.owes_transition = False
        self.observed = max(self.observed, end.ts)
        self.transitions += 1
        self._settle(end.ts)

    def _change(self, change: dict[str, Any]) -> None:
        socket, query_id = self.socket, change["queryId"]
        if change["type"] == "QueryRemoved":
            assert query_id in socket.unconfirmed, f"query {query_id} was not removed"
            socket.unconfirmed.remove(query_id)
            socket.told.pop(query_id, None)
            return
        assert query_id in socket.added_at, f"query {query_id} was never added"
        log_lines = tuple(change["logLines"])
        if change["type"] == "QueryUpdated":
            told = Told(change["value"], None, log_lines)
        else:
            told = Told(
                change.get("errorData"), change["errorMessage"].partition("] ")[2], log_lines
            )
        assert socket.told.get(query_id) != told, f"query {query_id} is told again: {told}"
        socket.told[query_id] = told
        if query_id in self.queries:
            self.queries[query_id] = self.queries[query_id]._replace(journal=change["journal"])

    def _response(self, message: dict[str, Any]) -> None:
        request = message["requestId"]
        call = self.calls[request]
        assert f"{call.kind}Response" == message["type"]
        assert request not in self.socket.answered, f"request {request} is answered twice"
        self.socket.answered.add(request)
        self.socket.owes_transition = True
        call.response = message
        if not message["success"] or call.kind == "Action":
            call.is_settled = True
        else:
            self.observed = max(self.observed, decode_timestamp(message["ts"]))

    def _settle(self, ts: int) -> None:
        for call in self.calls.values():
            if call.response is not None and not call.is_settled:
                call.is_settled = decode_timestamp(call.response["ts"]) <= ts

    def check_at_rest(self) -> None:
        """When the server has said all that it has to say."""
        socket = self.socket
        assert not socket.owes_transition
        assert not socket.unconfirmed, f"removals of {socket.unconfirmed} were not confirmed"
        assert (socket.query_set, socket.identity) == socket.version[:2]
        assert set(self.queries) == set(self.results)
        assert all(call.is_settled for call in self.calls.values())


def _version(wire: dict[str, Any]) -> Version:
    return Version(wire["querySet"], wire["identity"], decode_timestamp(wire["ts"]))
