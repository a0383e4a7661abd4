"""`SyncSession` against a strict client, in any order of whatever can happen to the two."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reactive.backend import ANYBODY, Caller, Identity
from reactive.limits import DEFAULT_LIMITS
from reactive.protocol.codec import decode_client_message
from reactive.protocol.messages import Authenticate, Connect, ModifyQuerySet
from reactive.session.rounds import Rounds
from reactive.session.state import SyncSession
from reactive.testing.clock import ManualClock
from tests.session.fakes import FAILED, Bell, World
from tests.session.peers import Add, Peer, Told

PATHS = ("a", "b", "me")
USERS = ("ada", "bob")
VALUES = st.sampled_from([0, 1, 2, FAILED])


class Conversation(RuleBasedStateMachine):
    """One client, one session at a time, and a world that changes under them."""

    @initialize(slow=st.sets(st.sampled_from(PATHS)))
    def begin(self, slow: set[str]) -> None:
        self.world = World(PATHS)
        self.world.slow = slow
        self.peer = Peer()
        self.rounds = Rounds(ManualClock(), DEFAULT_LIMITS)
        self.identities: list[Caller] = []
        self.is_queued = False
        self.socket = 0
        self._open()

    def _open(self) -> None:
        """A fresh session for a fresh socket."""
        self.socket += 1
        number = self.socket
        self.identities = [ANYBODY]
        self.is_queued = False

        def stale(query_id: int) -> None:
            assert number == self.socket, "a closed watch is told of a change"
            session.stale(query_id)
            self.is_queued = True

        def ready() -> None:
            # A run may end after the session that asked for it.
            self.is_queued = self.is_queued or number == self.socket

        bell = Bell(stale, ready)
        session = SyncSession(
            lambda added, caller: self.world.watch(added, caller, bell), ANYBODY, 100
        )
        self.session = session
        for text in self.peer.connect():
            self._say(text)

    def _say(self, text: str) -> None:
        message = decode_client_message(text)
        if isinstance(message, ModifyQuerySet):
            self.session.modify(message)
        elif isinstance(message, Authenticate):
            self.session.check_identity(message)
            user = message.value
            caller = Caller(Identity(user, user, "issuer")) if user else ANYBODY
            self.identities.append(caller)
            self.session.identify(caller)
        else:
            assert isinstance(message, Connect)
        self.is_queued = True

    # The client

    @rule(paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=3))
    def add(self, paths: list[str]) -> None:
        self._say(self.peer.modify([Add(path, {}) for path in paths]))

    @precondition(lambda self: self.peer.queries)
    @rule(data=st.data(), path=st.none() | st.sampled_from(PATHS))
    def remove(self, data: st.DataObject, path: str | None) -> None:
        gone = data.draw(st.sampled_from(sorted(self.peer.queries)))
        self._say(self.peer.modify([] if path is None else [Add(path, {})], [gone]))

    @rule(user=st.none() | st.sampled_from(USERS))
    def authenticate(self, user: str | None) -> None:
        self._say(self.peer.authenticate(user))

    @rule()
    def reconnect(self) -> None:
        self.session.close()
        self._open()

    # The world

    @rule(writes=st.dictionaries(st.sampled_from(PATHS), VALUES, min_size=1))
    def commit(self, writes: dict[str, int]) -> None:
        self.world.commit(writes)

    @rule(path=st.sampled_from(PATHS))
    def grow_slow(self, path: str) -> None:
        self.world.slow ^= {path}

    @rule(path=st.sampled_from(PATHS))
    def lose_the_past(self, path: str) -> None:
        self.world.newest ^= {path}

    @precondition(lambda self: self.world.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        running = self.world.running
        self.world.finish(running[data.draw(st.integers(0, len(running) - 1))])

    @precondition(lambda self: self.world.lives)
    @rule(data=st.data())
    def refresh_elsewhere(self, data: st.DataObject) -> None:
        """Another session asks for the same query, at the newest timestamp."""
        live = self.world.lives[data.draw(st.sampled_from(sorted(self.world.lives, key=str)))]
        if live.running_at is None and live.holds_at(self.world.head) is None:
            live.run(self.world.head)

    # The server

    @rule()
    def answer_a_call(self) -> None:
        self.peer.socket.owes_transition = True
        self.session.answered()
        self.is_queued = True

    @precondition(lambda self: self.peer.queries)
    @rule(data=st.data())
    def suspect(self, data: st.DataObject) -> None:
        """A query that still holds is called stale; that costs a run and says nothing."""
        self.session.stale(data.draw(st.sampled_from(sorted(self.peer.queries))))
        self.is_queued = True

    @precondition(lambda self: self.is_queued)
    @rule()
    def take_turn(self) -> None:
        self.is_queued = False
        changes = self.session.advance(self.world.head)
        if changes is not None:
            self.peer.receive(self.rounds.transition(changes))
            self.check_snapshot()
            self.is_queued = self.is_queued or self.session.wants_round

    # What must hold

    def check_snapshot(self) -> None:
        """All that the client was told is true at the timestamp of its version."""
        version = self.peer.version
        caller = self.identities[version.identity]
        for query_id, query in self.peer.queries.items():
            if self.peer.socket.added_at[query_id] <= version.query_set:
                expected = self.expected(query.path, caller, version.ts)
                assert expected == self.peer.results[query_id]

    def expected(self, path: str, caller: Caller, at: int) -> Told:
        value: Any = self.world.value(self.world.key(path, caller), at)
        return Told(None, "failed", ()) if value == FAILED else Told(value, None, ())

    @invariant()
    def versions_agree(self) -> None:
        assert tuple(self.peer.version) == self.session.version

    def teardown(self) -> None:
        while self.is_queued or self.world.running:
            while self.is_queued:
                self.take_turn()
            for live in self.world.running:
                self.world.finish(live)
        self.peer.check_at_rest()
        for query_id, query in self.peer.queries.items():
            expected = self.expected(query.path, self.identities[-1], self.world.head)
            assert expected == self.peer.results[query_id]
        self.session.close()
        assert not any(live.watches for live in self.world.lives.values())


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=300, stateful_step_count=40)
