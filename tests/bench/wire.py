"""A light client of the sync protocol, for loads in which the client must not be the slowest part.

It believes what it is told: `tests/sync_client.py` is the one that checks.
"""

import asyncio
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType

WAIT_SECONDS_MAX = 60
# Of Convex's clients (`convex` 1.48, `web_socket_manager.ts`).
BACKOFF_S = 1.0
BACKOFF_MAX_S = 16.0

Changed = Callable[[int, Any], None]


class FailedError(Exception):
    """The server answered that something failed."""


def sessions() -> ClientSession:
    """Sockets without number; whoever opens them closes the session."""
    return ClientSession(connector=TCPConnector(limit=0))


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def backoff_s(retries: int, dice: random.Random) -> float:
    """How long a client of Convex's waits before it connects again."""
    base = min(BACKOFF_S * 2.0**retries, BACKOFF_MAX_S)
    return base * (0.5 + dice.random())


async def figures(http: ClientSession, url: str) -> dict[str, float]:
    """The unlabeled samples of `/metrics`. Each look is an execution of its own."""
    async with http.get(f"{url}/metrics") as response:
        text = await response.text()
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs if "{" not in name}


class Counts:
    """What the server has done since the count began, the looks themselves left out."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._start: Mapping[str, float] = {}

    async def begin(self) -> "Counts":
        self._start = await figures(self._http, self._url)
        return self

    async def read(self) -> tuple[float, float]:
        """Executions and rows read."""
        now = await figures(self._http, self._url)
        executions, rows = (
            now[name] - self._start[name]
            for name in ("reactive_function_executions_total", "reactive_rows_read_total")
        )
        return executions - 1, rows


class Client:
    """One socket. `changed` is told of each query's new value."""

    def __init__(self, http: ClientSession, url: str, changed: Changed | None = None) -> None:
        self._http = http
        self._url = f"{url}/api/1.48.0/sync"
        self._session_id = str(uuid.uuid4())
        self._connections = 0
        self._changed = changed
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._requests = 0
        self._query_set = 0
        self._unanswered: set[int] = set()
        self._are_answered = asyncio.Event()
        self._chunks: list[str] = []
        self._observed = "AAAAAAAAAAA="
        self._socket: ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self.queries: list[tuple[str, Mapping[str, Any]]] = []
        self.values: dict[int, Any] = {}
        self.transitions = 0
        self.bytes = 0
        self.heard: Callable[[str], None] | None = None
        """Takes the messages as they are, instead of this client."""

    async def connect(self) -> "Client":
        """Opens a socket and asks for all queries there are, as after a lost one.

        Raises:
            aiohttp.ClientError: when the server does not answer.
        """
        self._socket = await self._http.ws_connect(self._url, compress=0, max_msg_size=0)
        self._query_set = 0
        self._chunks = []
        await self._send(
            {
                "type": "Connect",
                "sessionId": self._session_id,
                "connectionCount": self._connections,
                "lastCloseReason": "InitialConnect" if not self._connections else "unknown",
                "maxObservedTimestamp": self._observed,
                "clientTs": 0,
            }
        )
        self._connections += 1
        await self._ask(0)
        self._reading = asyncio.create_task(self._read())
        return self

    async def gone(self) -> None:
        """Returns when the socket has ended."""
        assert self._reading is not None
        await self._reading

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading

    async def watch(self, wanted: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Asks for more queries and waits until each has a result; their ids follow on."""
        first = len(self.queries)
        self.queries += wanted
        await self._ask(first)
        await self.answered()

    async def answered(self) -> None:
        """Returns when every query has a result on this socket."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await self._are_answered.wait()

    async def mutate(self, path: str, **args: Any) -> Any:
        """The result of a mutation.

        Raises:
            FailedError: what the server says of it.
        """
        number = self._requests
        self._requests += 1
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._send({"type": "Mutation", "requestId": number, "udfPath": path, "args": [args]})
        return await answer

    async def _ask(self, first: int) -> None:
        asked = self.queries[first:]
        if not asked:
            self._are_answered.set()
            return
        self._unanswered = set(range(first, len(self.queries)))
        self._are_answered.clear()
        self._query_set += 1
        await self._send(
            {
                "type": "ModifyQuerySet",
                "baseVersion": self._query_set - 1,
                "newVersion": self._query_set,
                "modifications": [
                    {"type": "Add", "queryId": number, "udfPath": path, "args": [args]}
                    for number, (path, args) in enumerate(asked, first)
                ],
            }
        )

    async def _send(self, message: Any) -> None:
        assert self._socket is not None
        await self._socket.send_str(orjson.dumps(message).decode())

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            self.bytes += len(message.data)
            if self.heard is not None:
                self.heard(message.data)
                continue
            self._take(orjson.loads(message.data))

    def _take(self, frame: Any) -> None:
        kind = frame["type"]
        if kind == "TransitionChunk":
            self._chunks.append(frame["chunk"])
            if len(self._chunks) == frame["totalParts"]:
                whole, self._chunks = "".join(self._chunks), []
                self._take(orjson.loads(whole))
        elif kind == "Transition":
            self.transitions += 1
            self._observed = frame["endVersion"]["ts"]
            for each in frame["modifications"]:
                self._update(each)
            if not self._unanswered:
                self._are_answered.set()
        elif kind == "MutationResponse":
            answer = self._waiting.pop(int(frame["requestId"]))
            if frame["success"]:
                answer.set_result(frame["result"])
            else:
                answer.set_exception(FailedError(frame["result"]))
        elif kind in ("FatalError", "AuthError"):
            raise FailedError(frame["error"])

    def _update(self, modification: Any) -> None:
        if modification["type"] != "QueryUpdated":
            raise FailedError(str(modification))
        number = int(modification["queryId"])
        self._unanswered.discard(number)
        self.values[number] = modification["value"]
        if self._changed is not None:
            self._changed(number, modification["value"])
