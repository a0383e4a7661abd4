"""`SyncState` against a server that keeps all of its past, over sockets that break at any time."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reactive.client.messages import Credential
from reactive.client.optimistic import OptimisticStore
from reactive.client.results import Failed, QueryKey, Value, query_key
from reactive.client.state import Effects, SyncState
from reactive.limits import Limits
from tests.client.fakes import FakeServer, FakeSocket

NAMES = ("a", "b", "c")
PATH = "counters:get"
LIMITS = Limits(client_calls_max=3)


def key_of(name: str) -> QueryKey:
    return query_key(PATH, {"name": name})


@dataclass
class Pending:
    kind: str
    name: str
    by: int
    fails: bool
    is_optimistic: bool
    is_sent: bool = False


class Conversation(RuleBasedStateMachine):
    """One client, one server, one socket at a time, and other clients that write."""

    @initialize()
    def begin(self) -> None:
        self.server = FakeServer()
        self.client = SyncState("11111111-1111-4111-8111-111111111111", LIMITS)
        self.socket: FakeSocket | None = None
        self.watchers = dict.fromkeys(NAMES, 0)
        self.known: dict[str, tuple[int, int]] = {}
        self.pending: dict[int, Pending] = {}
        self.user: str | None = None
        self.is_paused = False

    # The application

    @rule(name=st.sampled_from(NAMES))
    def watch(self, name: str) -> None:
        self.client.watch(key_of(name))
        self.watchers[name] += 1

    @precondition(lambda self: any(self.watchers.values()))
    @rule(data=st.data())
    def unwatch(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in NAMES if self.watchers[name]]))
        self.client.unwatch(key_of(name))
        self.watchers[name] -= 1
        if not self.watchers[name]:
            self.known.pop(name, None)

    @rule(
        name=st.sampled_from(NAMES),
        by=st.integers(1, 5),
        fails=st.booleans(),
        optimistic=st.booleans(),
    )
    def mutate(self, name: str, by: int, fails: bool, optimistic: bool) -> None:
        def update(store: OptimisticStore) -> None:
            value = store.get_query(PATH, {"name": name})
            if value is not None:
                store.set_query(PATH, {"name": name}, value + by)

        key = query_key("counters:add", {"name": name, "by": by, "fails": fails})
        request, _ = self.client.call("Mutation", key, update if optimistic else None)
        self.pending[request.request_id] = Pending("Mutation", name, by, fails, optimistic)

    @rule()
    def act(self) -> None:
        request, _ = self.client.call("Action", query_key("jobs:run", {}))
        self.pending[request.request_id] = Pending("Action", "", 0, False, False)

    @precondition(lambda self: self.client._requests)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        request_id = data.draw(st.sampled_from(sorted(self.client._requests)))
        effects = self.client.withdraw(self.client._requests[request_id])
        assert (effects is None) == self.pending[request_id].is_sent
        if effects is not None:
            del self.pending[request_id]

    @rule()
    def pause(self) -> None:
        self.client.pause()
        self.is_paused = True

    @rule(user=st.none() | st.sampled_from(["ada", "bob"]))
    def authenticate(self, user: str | None) -> None:
        self.client.authenticate(Credential("User", user) if user else None)
        self.user, self.is_paused = user, False

    # The link

    @precondition(lambda self: self.socket is None)
    @rule()
    def connect(self) -> None:
        self.socket = FakeSocket()
        self.client.opened(0)

    @precondition(lambda self: self.socket is not None)
    @rule(arrived=st.integers(0, 5))
    def cut(self, arrived: int) -> None:
        """Some of what was sent reaches the server, nothing of what it answers to that."""
        assert self.socket is not None
        for _ in self.socket.inbox[:arrived]:
            self.server.read(self.socket)
        self.socket = None
        effects = self.client.closed("closed with code 1006")
        assert {request.kind for request, _ in effects.settled} <= {"Action"}
        assert all(outcome is None for _, outcome in effects.settled)
        self._settled(effects)

    @precondition(lambda self: self.socket is not None)
    @rule()
    def send(self) -> None:
        assert self.socket is not None
        for text in self.client.take_outgoing():
            message = json.loads(text)
            if message["type"] in ("Mutation", "Action"):
                self.pending[message["requestId"]].is_sent = True
            self.socket.inbox.append(text.decode())

    @precondition(lambda self: self.socket is not None and self.socket.outbox)
    @rule()
    def receive(self) -> None:
        assert self.socket is not None
        text = self.socket.outbox.pop(0)
        message = json.loads(text)
        effects = self.client.receive(text)
        if effects.is_connected:
            self._learn(message)
        self._settled(effects)

    def _learn(self, message: dict[str, Any]) -> None:
        """What the client must know now: everything that it watches, at one timestamp."""
        client_socket = self.client._socket
        assert client_socket is not None
        ts = client_socket.version.ts
        by_id = {query.query_id: query.key for query in self.client._by_id.values()}
        names = {key_of(name): name for name in NAMES}
        for query_id in client_socket.fresh:
            if query_id in by_id:
                name = names[by_id[query_id]]
                self.known[name] = (ts, self.server.value_at(name, ts))

    def _settled(self, effects: Effects) -> None:
        for request, outcome in effects.settled:
            pending = self.pending.pop(request.request_id)
            if pending.kind == "Action":
                assert outcome in (None, Value(b"1.0"))
            elif pending.fails:
                assert outcome == Failed("no")
            else:
                value, ts = self.server.receipts[request.request_id]
                assert outcome == Value.of(value)
                # Whatever the client shows, it shows the write.
                assert all(at >= ts for at, _ in self.known.values())

    # The server

    @rule(name=st.sampled_from(NAMES), by=st.integers(1, 5))
    def commit_elsewhere(self, name: str, by: int) -> None:
        self.server.commit(name, by * 100)

    @precondition(lambda self: self.socket is not None and self.socket.inbox)
    @rule(count=st.integers(1, 4))
    def read(self, count: int) -> None:
        assert self.socket is not None
        for _ in self.socket.inbox[:count]:
            self.server.read(self.socket)

    def may_transition(self) -> bool:
        """A client that will send a mutation again is not shown its write before the answer."""
        socket = self.socket
        if socket is None or not self.server.has_news(socket):
            return False
        owed = self.server.receipts.keys() & self.pending.keys()
        return owed <= socket.answered

    @precondition(may_transition)
    @rule(parts=st.integers(1, 3))
    def transition(self, parts: int) -> None:
        assert self.socket is not None
        self.server.transition(self.socket, parts)

    # Longer ways that chance seldom finds

    @precondition(lambda self: self.socket is not None)
    @rule()
    def catch_up(self) -> None:
        """Both sides read all that there is."""
        socket = self.socket
        assert socket is not None
        while True:
            self.send()
            if socket.inbox:
                self.server.read(socket)
            elif self.may_transition():
                self.server.transition(socket)
            elif socket.outbox:
                self.receive()
                self.shows_what_it_knows_and_what_is_pending()
            else:
                return

    @precondition(lambda self: self.socket is not None)
    @rule(read=st.integers(0, 6), seen=st.booleans())
    def come_back(self, read: int, seen: bool) -> None:
        """A new socket, of which the server has read the first messages and told how far it is."""
        self.send()
        self.cut(read)
        self.connect()
        self.send()
        assert self.socket is not None
        for _ in self.socket.inbox[:read]:
            self.server.read(self.socket)
        if seen and self.may_transition():
            self.server.transition(self.socket)
        while seen and self.socket.outbox:
            self.receive()

    # What must hold

    @invariant()
    def shows_what_it_knows_and_what_is_pending(self) -> None:
        for name in NAMES:
            if not self.watchers[name]:
                continue
            result = self.client.result(key_of(name))
            if name not in self.known:
                assert result is None
                continue
            layers = [
                each.by
                for each in self.pending.values()
                if each.is_optimistic and each.name == name
            ]
            assert result == Value.of(self.known[name][1] + sum(layers))

    @invariant()
    def runs_once(self) -> None:
        assert all(count == 1 for count in self.server.runs.values())

    def teardown(self) -> None:
        if self.is_paused:
            self.authenticate(self.user)
        if self.socket is None:
            self.connect()
        socket = self.socket
        assert socket is not None
        self.catch_up()
        assert not self.pending
        assert self.client.is_healthy
        assert self.client.is_identity_confirmed
        assert socket.user == self.user
        assert sorted(socket.queries.values()) == [name for name in NAMES if self.watchers[name]]
        for name in socket.queries.values():
            at_head = self.server.value_at(name, self.server.head)
            assert self.client.result(key_of(name)) == Value.of(at_head)
        self.runs_once()


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=400, stateful_step_count=50)
