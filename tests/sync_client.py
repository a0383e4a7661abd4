"""A client of the sync protocol that checks every frame it receives.

It is driven by hand: a test sends messages and reads frames when it wants to, and nothing runs in
between, so a test that does not read is a client that does not read. Whatever is asserted here
holds for every frame of every test that uses it.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from tests.wire_values import Json, exact, ts_number

DEADLINE_SECONDS = 10.0
NO_CLOSE_CODE = 1005

Message = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """The server's view of this client, as a Transition states it."""

    query_set: int
    identity: int
    ts: int

    @classmethod
    def parse(cls, version: Json) -> Self:
        assert set(version) == {"querySet", "identity", "ts"}, version
        assert is_integer(version["querySet"])
        assert is_integer(version["identity"])
        return cls(version["querySet"], version["identity"], ts_number(version["ts"]))


@dataclass(frozen=True)
class Result:
    """The last word on one query: its value, or its failure."""

    value: Json = None
    error: str | None = None
    error_data: Json = None
    has_data: bool = False
    log_lines: tuple[str, ...] = ()
    journal: str | None = None


@dataclass
class Call:
    """A mutation or an action on its way."""

    kind: str
    response: Message | None = None
    response_index: int = -1
    answered_before: bool = False
    """A re-send that the server may answer from its record, with a `ts` of the past."""


class ClosedError(Exception):
    """The server closed the socket; every frame before the close has been checked."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason!r}")
        self.code = code
        self.reason = reason


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def without_request_id(text: str) -> str:
    """An error text without its request id, which differs between two runs of one failure."""
    if not text.startswith("[Request ID: "):
        return text
    return text.split("]", 1)[1]


@dataclass
class SyncClient:
    """One socket. A reconnect is another SyncClient with the same `session_id`."""

    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    first_request: int = 0
    autoping: bool = True

    def __post_init__(self) -> None:
        self.frames: list[Message] = []
        self.transitions: list[Message] = []
        self.pings = 0
        self.websocket_pings = 0
        self.version = Version(0, 0, 0)
        self.results: dict[int, Result] = {}
        self.history: dict[int, list[Result]] = {}
        self.calls: dict[int, Call] = {}
        self.removed: set[int] = set()
        self.chunked_transitions = 0
        self.headers: dict[str, str] = {}
        self._chunks: list[Message] = []
        self._transition_index = -1
        self._query_set = 0
        self._next_query = 0
        self._next_request = self.first_request
        self._live_queries: set[int] = set()
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    # --- The socket ---

    async def open(
        self,
        url: str,
        *,
        connect: bool = True,
        headers: dict[str, str] | None = None,
        max_observed_ts: str | None = None,
        connection_count: int = 0,
    ) -> Self:
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(
                url, headers=headers, max_msg_size=0, autoping=self.autoping
            )
        except BaseException:
            await self._http.close()
            raise
        self.headers = dict(self._socket._response.headers)  # no public way to it
        if connect:
            message: Message = {
                "type": "Connect",
                "sessionId": self.session_id,
                "connectionCount": connection_count,
                "lastCloseReason": "InitialConnect" if connection_count == 0 else "closed",
                "clientTs": int(time.time() * 1000),
            }
            if max_observed_ts is not None:
                message["maxObservedTimestamp"] = max_observed_ts
            await self.send(message)
        return self

    @property
    def socket(self) -> aiohttp.ClientWebSocketResponse:
        assert self._socket is not None, "not connected"
        return self._socket

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()

    async def drop(self) -> None:
        """Ends the TCP connection without a WebSocket goodbye."""
        connection = self.socket._response.connection  # no public way to abort
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- What a client sends ---

    async def send(self, message: Message) -> None:
        await self.socket.send_str(json.dumps(message))

    async def change_queries(self, *modifications: Message) -> None:
        await self.send(
            {
                "type": "ModifyQuerySet",
                "baseVersion": self._query_set,
                "newVersion": self._query_set + 1,
                "modifications": list(modifications),
            }
        )
        self._query_set += 1

    def addition(self, path: str, args: Json = None, **extra: Json) -> Message:
        """The modification that adds a query, under the next query id."""
        query_id = self._next_query
        self._next_query += 1
        self._live_queries.add(query_id)
        return {
            "type": "Add",
            "queryId": query_id,
            "udfPath": path,
            "args": [args or {}],
            **extra,
        }

    async def add(self, path: str, args: Json = None, **extra: Json) -> int:
        """Adds a query without waiting for its result."""
        addition = self.addition(path, args, **extra)
        await self.change_queries(addition)
        query_id: int = addition["queryId"]
        return query_id

    async def remove(self, query_id: int) -> None:
        self._live_queries.discard(query_id)
        self.removed.add(query_id)
        await self.change_queries({"type": "Remove", "queryId": query_id})

    async def request(
        self, kind: str, path: str, args: Json = None, *, request_id: int | None = None
    ) -> int:
        """Sends a Mutation or an Action. With a `request_id` it is a request sent before."""
        resent = request_id is not None
        if request_id is None:
            request_id = self._next_request
        self._next_request = max(self._next_request, request_id + 1)
        assert request_id not in self.calls, "one request twice on one socket"
        self.calls[request_id] = Call(kind, answered_before=resent)
        await self.send(
            {"type": kind, "requestId": request_id, "udfPath": path, "args": [args or {}]}
        )
        return request_id

    # --- What a client waits for ---

    async def subscribe(self, path: str, args: Json = None, **extra: Json) -> int:
        """Adds a query and waits for its first result."""
        query_id = await self.add(path, args, **extra)
        await self.until(lambda: query_id in self.results)
        return query_id

    async def query(self, path: str, args: Json = None) -> Result:
        """Adds a query, takes its first result and removes it, as clients without a cache do."""
        query_id = await self.subscribe(path, args)
        result = self.results[query_id]
        await self.remove(query_id)
        return result

    async def settle(self, request_id: int) -> Message:
        """Waits until a client's promise would settle: the response, and a Transition after it."""
        call = self.calls[request_id]

        def settled() -> bool:
            if call.response is None or self._transition_index < call.response_index:
                return False
            ts = call.response.get("ts")
            return ts is None or self.version.ts >= ts_number(ts)

        await self.until(settled)
        assert call.response is not None
        return call.response

    async def mutation(self, path: str, args: Json = None) -> Message:
        return await self.settle(await self.request("Mutation", path, args))

    async def action(self, path: str, args: Json = None) -> Message:
        return await self.settle(await self.request("Action", path, args))

    async def run(self, path: str, args: Json = None) -> Json:
        """A mutation that must succeed; gives its result."""
        response = await self.mutation(path, args)
        assert response["success"], response["result"]
        return response["result"]

    async def fail(self, path: str, args: Json = None) -> str:
        """A mutation that must fail; gives its message."""
        response = await self.mutation(path, args)
        assert not response["success"], response["result"]
        message: str = response["result"]
        return message

    async def answered(self, request_id: int) -> None:
        """Waits for the response only."""
        await self.until(lambda: self.calls[request_id].response is not None)

    async def reaches(self, ts: str) -> None:
        """Waits for a Transition to `ts` or later."""
        number = ts_number(ts)
        await self.until(lambda: self.version.ts >= number)

    async def result_becomes(
        self,
        query_id: int,
        holds: Callable[[Result], bool],
        *,
        seconds: float = DEADLINE_SECONDS,
    ) -> Result:
        await self.until(
            lambda: query_id in self.results and holds(self.results[query_id]), seconds=seconds
        )
        return self.results[query_id]

    async def value_becomes(self, query_id: int, value: Json) -> None:
        await self.result_becomes(
            query_id, lambda result: result.error is None and result.value == value
        )

    async def catch_up(self, ts: str | int | None = None) -> None:
        """Waits for the Transition that answers a change of the query set.

        Afterwards the client has whatever the server owed it for commits before this call; with
        a `ts`, that commit's must be among them.
        """
        await self.change_queries()
        sent = self._query_set
        await self.until(lambda: self.version.query_set >= sent)
        if ts is not None:
            number = ts if isinstance(ts, int) else ts_number(ts)
            assert self.version.ts >= number

    async def until(self, holds: Callable[[], bool], *, seconds: float = DEADLINE_SECONDS) -> None:
        """Reads frames until `holds()`."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self.receive()

    async def closed(self, *, seconds: float = DEADLINE_SECONDS) -> ClosedError:
        """Reads until the server closes the socket."""
        try:
            await self.until(lambda: False, seconds=seconds)
        except ClosedError as closed:
            return closed
        raise AssertionError("unreachable")

    # --- What a client receives ---

    async def receive(self) -> Message | None:
        """Reads and checks one frame; None for a WebSocket ping or pong."""
        message = await self.socket.receive()
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                frame = json.loads(message.data)
                self._accept(frame)
                return dict(frame)
            case aiohttp.WSMsgType.PING:
                self.websocket_pings += 1
                return None
            case aiohttp.WSMsgType.PONG:
                return None
            case aiohttp.WSMsgType.CLOSE | aiohttp.WSMsgType.CLOSED | aiohttp.WSMsgType.CLOSING:
                has_frame = message.type == aiohttp.WSMsgType.CLOSE
                code = message.data if has_frame else self.socket.close_code
                raise ClosedError(int(code or NO_CLOSE_CODE), str(message.extra or ""))
            case _:
                raise AssertionError(f"an unexpected WebSocket message: {message}")

    def _accept(self, frame: Message) -> None:
        assert isinstance(frame, dict)
        if self._chunks and frame["type"] not in ("TransitionChunk", "Ping"):
            raise AssertionError(f"{frame['type']} between two TransitionChunks")
        match frame["type"]:
            case "Transition":
                self._accept_transition(frame)
            case "TransitionChunk":
                self._accept_chunk(frame)
                return
            case "MutationResponse" | "ActionResponse":
                self._accept_response(frame)
            case "Ping":
                assert frame == {"type": "Ping"}
                self.pings += 1
            case "FatalError":
                assert set(frame) == {"type", "error"}, frame
                assert isinstance(frame["error"], str)
            case "AuthError":
                assert isinstance(frame["error"], str)
                assert isinstance(frame["authUpdateAttempted"], bool)
                assert is_integer(frame["baseVersion"])
            case other:
                raise AssertionError(f"clients reject the unknown type {other!r}")
        if frame["type"] == "Transition":
            self._transition_index = len(self.frames)
        self.frames.append(frame)

    def _accept_chunk(self, frame: Message) -> None:
        assert set(frame) == {"type", "chunk", "partNumber", "totalParts", "transitionId"}, set(
            frame
        )
        assert isinstance(frame["chunk"], str)
        assert isinstance(frame["transitionId"], str)
        assert frame["partNumber"] == len(self._chunks)
        self._chunks.append(frame)
        for key in ("totalParts", "transitionId"):
            assert frame[key] == self._chunks[0][key]
        if len(self._chunks) == frame["totalParts"]:
            whole = "".join(chunk["chunk"] for chunk in self._chunks)
            self._chunks = []
            self.chunked_transitions += 1
            self._accept(json.loads(whole))

    def _accept_transition(self, frame: Message) -> None:
        required = {"type", "startVersion", "endVersion", "modifications"}
        assert required <= set(frame), f"a Transition without {required - set(frame)}"
        assert set(frame) <= required | {"clientClockSkew", "serverTs"}, set(frame)
        for key in ("clientClockSkew", "serverTs"):
            assert key not in frame or is_integer(frame[key]), f"{key}: {frame[key]!r}"
        start = Version.parse(frame["startVersion"])
        end = Version.parse(frame["endVersion"])
        assert start == self.version, "the version chain is broken"
        assert start.ts <= end.ts
        assert start.query_set <= end.query_set <= self._query_set
        assert start.identity <= end.identity
        self.version = end

        ids = [modification["queryId"] for modification in frame["modifications"]]
        assert ids == sorted(set(ids)), f"not one entry per query, in order: {ids}"
        for modification in frame["modifications"]:
            self._accept_modification(modification)
        self.transitions.append(frame)

    def _accept_modification(self, modification: Message) -> None:
        query_id = modification["queryId"]
        assert is_integer(query_id)
        if modification["type"] == "QueryRemoved":
            assert set(modification) == {"type", "queryId"}, modification
            assert query_id in self.removed, f"query {query_id} was not removed by this client"
            self.results.pop(query_id, None)
            return
        required, optional = {
            "QueryUpdated": ({"value", "logLines"}, {"journal"}),
            "QueryFailed": ({"errorMessage", "logLines"}, {"journal", "errorData"}),
        }[modification["type"]]
        keys = set(modification) - {"type", "queryId"}
        assert required <= keys <= required | optional, keys
        check_log_lines(modification["logLines"])
        journal = modification.get("journal")
        assert journal is None or isinstance(journal, str)
        assert query_id in self._live_queries | self.removed, f"no query {query_id} was added"
        failed = modification["type"] == "QueryFailed"
        if failed:
            assert isinstance(modification["errorMessage"], str)
        result = Result(
            value=modification.get("value"),
            error=modification["errorMessage"] if failed else None,
            error_data=modification.get("errorData"),
            has_data="errorData" in modification,
            log_lines=tuple(modification["logLines"]),
            journal=journal,
        )
        before = self.results.get(query_id)
        assert before is None or visible(before) != visible(result), (
            f"query {query_id} was sent again without a change"
        )
        self.results[query_id] = result
        self.history.setdefault(query_id, []).append(result)

    def _accept_response(self, frame: Message) -> None:
        kind = frame["type"].removesuffix("Response")
        required = {"type", "requestId", "success", "result", "logLines"}
        assert required <= set(frame), f"a response without {required - set(frame)}"
        assert set(frame) <= required | {"ts", "errorData"}, set(frame)
        assert isinstance(frame["success"], bool)
        check_log_lines(frame["logLines"])
        call = self.calls.get(frame["requestId"])
        assert call is not None, f"a response to a request never sent: {frame['requestId']}"
        assert call.kind == kind, f"a {kind}Response to a {call.kind}"
        assert call.response is None, f"request {frame['requestId']} was answered twice"
        if frame["success"]:
            assert "errorData" not in frame
        else:
            assert isinstance(frame["result"], str)
        if kind == "Mutation" and frame["success"]:
            ts = ts_number(frame["ts"])
            assert call.answered_before or self.version.ts < ts, (
                "a Transition showed this client its own write before the response"
            )
        else:
            assert frame.get("ts") is None
        call.response = frame
        call.response_index = len(self.frames)


def visible(result: Result) -> tuple[Json, ...]:
    """What of a result decides whether it is sent again."""
    error = None if result.error is None else without_request_id(result.error)
    return (
        exact(result.value),
        error,
        exact(result.error_data),
        result.log_lines,
    )


def check_log_lines(lines: Sequence[object]) -> None:
    assert isinstance(lines, list)
    for line in lines:
        assert isinstance(line, str)
        assert line.startswith("["), f"clients cannot parse the log line {line!r}"
        assert "] " in line, f"clients cannot parse the log line {line!r}"
