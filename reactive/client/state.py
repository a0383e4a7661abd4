"""All that the client knows and owes, without a socket: messages in, texts and outcomes out.

A socket comes and goes by `opened` and `closed`; what outlives it is the set of queries, the calls
that are not settled, the credential, and the results. `receive` takes a message of the server and
says what has become of it; `take_outgoing` gives the texts that are to be sent now.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from reactive.client.errors import ProtocolError
from reactive.client.messages import (
    AuthRefused,
    Credential,
    Fatal,
    QueryTold,
    Response,
    Transition,
    TransitionChunk,
    add_text,
    authenticate_text,
    connect_text,
    decode_server_message,
    modify_text,
    remove_text,
    request_text,
)
from reactive.client.optimistic import OptimisticResults, OptimisticUpdate
from reactive.client.results import QueryKey, Result, Value
from reactive.limits import Limits
from reactive.protocol.messages import START, StateVersion
from reactive.values.encoding import JsonBytes
from reactive.values.timestamp import Timestamp

CallKind = Literal["Mutation", "Action"]


@dataclass(slots=True, eq=False)
class LocalQuery:
    """A query that somebody subscribes to. `addition` is what was last said to begin it."""

    query_id: int
    key: QueryKey
    watchers: int = 0
    journal: str | None = None
    addition: JsonBytes = b""


@dataclass(slots=True, eq=False)
class Request:
    """A mutation or an action that is not settled.

    `is_sent` means that the server may have it. `answer` is a mutation's success, which the
    client's queries do not show yet.
    """

    kind: CallKind
    request_id: int
    path: str
    text: JsonBytes
    is_sent: bool = False
    answer: Response | None = None


@dataclass(slots=True)
class Effects:
    """What has happened at once, for whoever waits for it.

    `settled` has the calls that are over, with their outcome; None is an action whose connection
    broke. `changed` has the queries that may have a new result. `log` has lines of functions, with
    their paths. `is_connected` says that this has begun, or ended.
    """

    settled: list[tuple[Request, Result | None]] = field(default_factory=list)
    changed: set[QueryKey] = field(default_factory=set)
    log: list[tuple[str, str]] = field(default_factory=list)
    is_connected: bool | None = None
    refused: AuthRefused | None = None
    fatal: Fatal | None = None


_Item = JsonBytes | Request | list[JsonBytes]
"""What waits to be sent: a text, a call, or modifications of the query set."""


@dataclass(slots=True, eq=False)
class _Socket:
    """What begins anew with every socket.

    `fresh` are the queries of which the server has told a result, `awaited` those of the greeting
    of which it has not; `resent` are calls that an earlier socket sent, too.
    """

    hello: JsonBytes
    is_greeted: bool = False
    version: StateVersion = START
    query_set: int = 0
    identity: int = 0
    outgoing: list[_Item] = field(default_factory=list)
    held: list[_Item] = field(default_factory=list)
    fresh: set[int] = field(default_factory=set)
    awaited: set[int] = field(default_factory=set)
    resent: set[int] = field(default_factory=set)
    under_way: dict[CallKind, set[int]] = field(
        default_factory=lambda: {"Mutation": set(), "Action": set()}
    )
    greeted_identity: int = 0
    chunks: list[TransitionChunk] = field(default_factory=list)


class SyncState:
    """One client. Nothing here waits, and nothing reads a clock."""

    def __init__(self, session_id: str, limits: Limits) -> None:
        self.session_id = session_id
        self._limits = limits
        self._queries: dict[QueryKey, LocalQuery] = {}
        self._by_id: dict[int, LocalQuery] = {}
        self._requests: dict[int, Request] = {}
        self._results = OptimisticResults()
        self._credential: Credential | None = None
        self._next_query = 0
        self._next_request = 0
        self._observed: Timestamp = 0
        self._is_paused = False
        self._sockets = 0
        self._close_reason = "InitialConnect"
        self._socket: _Socket | None = None

    # Queries

    def watch(self, key: QueryKey) -> None:
        """One more subscriber of a query; each watch needs its `unwatch`."""
        query = self._queries.get(key)
        if query is None:
            query = LocalQuery(self._next_query, key)
            self._next_query += 1
            self._queries[key] = self._by_id[query.query_id] = query
            query.addition = add_text(query.query_id, key, None)
            self._modify(query.addition)
        query.watchers += 1

    def unwatch(self, key: QueryKey) -> set[QueryKey]:
        """One subscriber less; the last one ends the query. Gives the queries that it changed."""
        query = self._queries[key]
        query.watchers -= 1
        if query.watchers:
            return set()
        del self._queries[key], self._by_id[query.query_id]
        socket = self._socket
        if socket is not None and socket.is_greeted:
            socket.awaited.discard(query.query_id)
            if not _was_waiting(socket, query.addition):
                self._modify(remove_text(query.query_id))
        return self._results.forget(key)

    def result(self, key: QueryKey) -> Result | None:
        """What subscribers of the query see; None as long as nothing is known."""
        return self._results.get(key)

    def is_fresh(self, key: QueryKey) -> bool:
        """Whether the server has told a result of the query on the present socket."""
        query, socket = self._queries.get(key), self._socket
        return query is not None and socket is not None and query.query_id in socket.fresh

    # Calls

    def call(
        self, kind: CallKind, key: QueryKey, update: OptimisticUpdate | None = None
    ) -> tuple[Request, set[QueryKey]]:
        """Queues a mutation or an action; gives the queries that its update changed, too.

        Raises:
            Exception: what the update raises; nothing is queued then.
        """
        request_id = self._next_request
        changed = self._results.push(request_id, update) if update is not None else set()
        self._next_request += 1
        request = Request(kind, request_id, key.path, request_text(kind, request_id, key))
        self._requests[request_id] = request
        self._say(request)
        return request, changed

    def withdraw(self, request: Request) -> Effects | None:
        """Takes a call back that was not sent yet; None when it is too late for that."""
        if request.is_sent or request.request_id not in self._requests:
            return None
        if self._socket is not None:
            for queue in (self._socket.outgoing, self._socket.held):
                if request in queue:
                    queue.remove(request)
        del self._requests[request.request_id]
        return Effects(changed=self._results.settle([request.request_id], {}))

    # Identity

    @property
    def identity_version(self) -> int:
        """How many times the client has said on this socket who it is."""
        return self._socket.identity if self._socket is not None else 0

    @property
    def is_identity_confirmed(self) -> bool:
        """Whether the server has taken all that the client said on this socket of who it is."""
        socket = self._socket
        return (
            socket is not None
            and socket.is_greeted
            and not self._is_paused
            and socket.version.identity == socket.identity
        )

    def pause(self) -> None:
        """Nothing that is said from now on is sent before the next `authenticate`."""
        self._is_paused = True

    def authenticate(self, credential: Credential | None) -> None:
        """From now on the client is this one; ends a pause."""
        is_news = credential is not None or self._credential is not None
        self._credential = credential
        self._is_paused = False
        socket = self._socket
        if socket is None:
            return
        if not socket.is_greeted:
            self._greet(socket)
            return
        if is_news:
            socket.outgoing.append(authenticate_text(socket.identity, credential))
            socket.identity += 1
        socket.outgoing.extend(socket.held)
        socket.held.clear()

    # The socket

    def opened(self, client_ms: int) -> None:
        """A new socket is open. `client_ms` is the wall clock, in milliseconds."""
        hello = connect_text(
            self.session_id, self._sockets, self._close_reason, self._observed, client_ms
        )
        self._sockets += 1
        self._socket = _Socket(hello)
        if not self._is_paused:
            self._greet(self._socket)

    def closed(self, reason: str) -> Effects:
        """The socket is gone. Mutations will be sent again, actions that were sent are lost."""
        self._socket = None
        self._close_reason = reason
        lost = [each for each in self._requests.values() if each.is_sent and each.kind == "Action"]
        for request in lost:
            del self._requests[request.request_id]
        return Effects(settled=[(request, None) for request in lost], is_connected=False)

    @property
    def is_healthy(self) -> bool:
        """Whether the server has answered all that was sent again on the present socket."""
        socket = self._socket
        return (
            socket is not None
            and socket.version.query_set > 0
            and socket.version.identity >= socket.greeted_identity
            and not socket.awaited
            and not socket.resent
        )

    @property
    def has_outgoing(self) -> bool:
        """Whether `take_outgoing` may give something."""
        return self._socket is not None and bool(self._socket.outgoing)

    def take_outgoing(self) -> list[JsonBytes]:
        """What is to be sent now, in order; counts as sent from here on."""
        socket = self._socket
        if socket is None:
            return []
        texts: list[JsonBytes] = []
        taken = 0
        for item in socket.outgoing:
            if isinstance(item, Request):
                under_way = socket.under_way[item.kind]
                if len(under_way) >= self._limits.client_calls_max:
                    break  # the server would close; answers make room
                under_way.add(item.request_id)
                item.is_sent = True
                texts.append(item.text)
            elif isinstance(item, list):
                for part in self._parts(item):
                    texts.append(modify_text(socket.query_set, part))
                    socket.query_set += 1
            else:
                texts.append(item)
            taken += 1
        del socket.outgoing[:taken]
        return texts

    def _parts(self, modifications: list[JsonBytes]) -> Iterator[list[JsonBytes]]:
        """Modifications in as many lists as needed for messages that the server takes."""
        part: list[JsonBytes] = []
        size = 0
        for each in modifications:
            if part and size + len(each) > self._limits.frame_bytes_max // 2:
                yield part
                part, size = [], 0
            part.append(each)
            size += len(each)
        yield part

    def _greet(self, socket: _Socket) -> None:
        """Says all that a new socket has to know, in the order in which it must hear it."""
        socket.is_greeted = True
        socket.outgoing.append(socket.hello)
        if self._credential is not None:
            socket.outgoing.append(authenticate_text(0, self._credential))
            socket.identity = socket.greeted_identity = 1
        additions: list[JsonBytes] = []
        for query in self._by_id.values():
            query.addition = add_text(query.query_id, query.key, query.journal)
            additions.append(query.addition)
            socket.awaited.add(query.query_id)
        socket.outgoing.append(additions)
        for request in self._requests.values():
            request.answer = None
            if request.is_sent:
                socket.resent.add(request.request_id)
            socket.outgoing.append(request)

    def _say(self, item: _Item) -> None:
        socket = self._socket
        if socket is None or not socket.is_greeted:
            return  # the greeting will say it
        (socket.held if self._is_paused else socket.outgoing).append(item)

    def _modify(self, modification: JsonBytes) -> None:
        socket = self._socket
        if socket is None or not socket.is_greeted:
            return
        queue = socket.held if self._is_paused else socket.outgoing
        if queue and isinstance(queue[-1], list):
            queue[-1].append(modification)
        else:
            queue.append([modification])

    # What the server says

    def receive(self, text: str | bytes) -> Effects:
        """Takes one message of the present socket.

        Raises:
            ProtocolError: when the server must not send it; the socket is of no use any more.
        """
        socket = self._socket
        if socket is None:
            raise ProtocolError("a message of a socket that is gone")
        message = decode_server_message(text)
        if isinstance(message, TransitionChunk):
            whole = _joined(socket, message)
            if whole is None:
                return Effects()
            message = decode_server_message(whole)
            if not isinstance(message, Transition):
                raise ProtocolError("TransitionChunks that are no Transition")
        if isinstance(message, Transition):
            return self._transition(socket, message)
        if isinstance(message, Response):
            return self._respond(socket, message)
        if isinstance(message, AuthRefused):
            return Effects(refused=message)
        if isinstance(message, Fatal):
            return Effects(fatal=message)
        return Effects()

    def _transition(self, socket: _Socket, message: Transition) -> Effects:
        if message.start != socket.version:
            raise ProtocolError(
                f"a Transition starts at {tuple(message.start)} and not where the last one "
                f"ended, at {tuple(socket.version)}",
                code="StartVersionMismatch",
            )
        effects = Effects(is_connected=True)
        told: dict[QueryKey, Result] = {}
        for each in message.told:
            query = self._by_id.get(each.query_id)
            if query is not None and each.result is not None:
                self._take_result(socket, query, each, effects)
                told[query.key] = each.result
        socket.version = message.end
        self._observed = max(self._observed, message.end.ts)
        reflected = [
            (request, request.answer.outcome)
            for request in self._requests.values()
            if request.answer is not None and _shows(socket, request.answer)
        ]
        self._settle(socket, effects, reflected, told)
        return effects

    def _take_result(
        self, socket: _Socket, query: LocalQuery, told: QueryTold, effects: Effects
    ) -> None:
        socket.fresh.add(query.query_id)
        socket.awaited.discard(query.query_id)
        if told.has_journal:
            query.journal = told.journal
        effects.log.extend((query.key.path, line) for line in told.log_lines)

    def _respond(self, socket: _Socket, message: Response) -> Effects:
        effects = Effects()
        for under_way in socket.under_way.values():
            under_way.discard(message.request_id)
        request = self._requests.get(message.request_id)
        if request is None or request.kind != message.kind or request.answer is not None:
            return effects  # it was answered before
        effects.log.extend((request.path, line) for line in message.log_lines)
        if message.kind == "Mutation" and isinstance(message.outcome, Value):
            self._observed = max(self._observed, message.ts)
            if not _shows(socket, message):
                request.answer = message
                return effects
        self._settle(socket, effects, [(request, message.outcome)], {})
        return effects

    def _settle(
        self,
        socket: _Socket,
        effects: Effects,
        settled: list[tuple[Request, Result]],
        told: dict[QueryKey, Result],
    ) -> None:
        for request, _ in settled:
            del self._requests[request.request_id]
            socket.resent.discard(request.request_id)
        effects.settled.extend(settled)
        effects.changed |= self._results.settle((each.request_id for each, _ in settled), told)


def _shows(socket: _Socket, answer: Response) -> bool:
    """Whether all queries of the client have reached a mutation's commit."""
    version = socket.version
    return answer.ts <= version.ts and version.query_set > 0 and not socket.awaited


def _was_waiting(socket: _Socket, addition: JsonBytes) -> bool:
    """Takes back an addition that was not sent yet."""
    for queue in (socket.outgoing, socket.held):
        for item in queue:
            if isinstance(item, list) and addition in item:
                item.remove(addition)
                return True
    return False


def _joined(socket: _Socket, chunk: TransitionChunk) -> str | None:
    """The whole text, once the last part is there."""
    chunks = socket.chunks
    first = chunks[0] if chunks else chunk
    if (chunk.number, chunk.total, chunk.transition_id) != (
        len(chunks),
        first.total,
        first.transition_id,
    ):
        raise ProtocolError("a TransitionChunk is out of order")
    chunks.append(chunk)
    if len(chunks) < chunk.total:
        return None
    text = "".join(each.text for each in chunks)
    chunks.clear()
    return text
