"""`SessionWorker`: messages in, responses and Transitions out."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from reactive.backend import ANYBODY, CallOutcome, Failure
from reactive.errors import CallError, OverloadedError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.protocol.codec import decode_client_message
from reactive.protocol.version import UNKNOWN, ClientVersion
from reactive.session.rounds import Rounds
from reactive.session.worker import SessionWorker
from reactive.testing.clock import ManualClock
from reactive.testing.simulator import simulate
from tests.session.fakes import FakeBackend, FakeConnection, FakeLane, World
from tests.session.peers import Add, Peer

NPM = ClientVersion("npm", (1, 48, 0))
LIMITS = replace(DEFAULT_LIMITS, session_mutations_max=3, session_actions_max=2)


async def turns() -> None:
    """Lets everything happen that waits for nobody."""
    for _ in range(10):
        await asyncio.sleep(0)


async def turn_of_the_loop() -> None:
    """The same on a simulated loop, which shuffles for a microsecond."""
    await asyncio.sleep(0.001)


class Line:
    """A client, its worker, and the wire between them."""

    def __init__(
        self,
        backend: FakeBackend | None = None,
        *,
        rounds: Rounds | None = None,
        limits: Limits = LIMITS,
        version: ClientVersion = UNKNOWN,
    ) -> None:
        self.backend = backend or FakeBackend(World(("a", "b", "me")))
        self.world = self.backend.world
        self.clock = ManualClock()
        self.rounds = rounds or Rounds(self.clock, limits)
        self.connection = FakeConnection()
        self.worker = SessionWorker(self.backend, self.connection, self.rounds, limits, version)
        self.peer = Peer()
        self._heard = 0

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.worker.receive(decode_client_message(text))
        await turns()

    async def connect(self) -> "Line":
        await self.say(*self.peer.connect())
        self.hear()
        return self

    def hear(self) -> list[dict[str, Any]]:
        """What the client was sent since it last listened, all of it checked."""
        new = self.connection.sent[self._heard :]
        self._heard = len(self.connection.sent)
        return [self.peer.receive(text) for text in new]

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.hear()]

    def said_last(self) -> dict[str, Any]:
        """The last message, for those that a client in good standing never gets."""
        message: dict[str, Any] = json.loads(self.connection.sent[-1])
        return message

    async def connect_for(self, seconds: float) -> "Line":
        """Connects with a token that ends after so long, and watches a query."""
        self.backend.expires_ns = self.clock.now_ns() + int(seconds * 1e9)
        await self.connect()
        await self.say(self.peer.modify([Add("a", {})]), self.peer.authenticate("ada"))
        self.hear()
        return self

    async def settle(self, number: int = 0, **outcome: Any) -> None:
        """Answers a mutation."""
        _, done = self.backend.mutations[number]
        done(CallOutcome(outcome.pop("value", b"1.0"), outcome.pop("failure", None), **outcome))
        await turns()


async def test_connect_is_followed_by_one_transition() -> None:
    line = Line()
    await line.say(*line.peer.connect())

    assert line.kinds() == ["Transition"]
    line.peer.check_at_rest()


async def test_queries_are_told_and_told_again() -> None:
    line = await Line().connect()
    await line.say(line.peer.modify([Add("a", {}), Add("b", {})]))
    line.hear()

    assert [told.value for told in line.peer.results.values()] == [0, 0]

    line.world.commit({"b": 2})
    await turns()

    assert line.kinds() == ["Transition"]
    assert [told.value for told in line.peer.results.values()] == [0, 2]


# Mutations and actions


async def test_mutation_is_passed_on_with_its_name() -> None:
    line = await Line().connect()
    await line.say(line.peer.call("Mutation", "counter:add", {"by": 2}))
    ((request, _),) = line.backend.mutations

    assert (request.path, request.args) == ("counter:add", {"by": 2})
    assert (line.peer.session_id, 0) == (request.session, request.request)
    assert request.caller == ANYBODY
    assert not request.is_internal
    assert line.kinds() == []


async def test_response_comes_first_and_a_transition_follows() -> None:
    line = await Line().connect()
    await line.say(line.peer.modify([Add("a", {})]))
    line.hear()
    await line.say(line.peer.call("Mutation", "a:set", {}))
    ts = line.world.commit({"a": 1})
    await line.settle(value=b"7.0", ts=ts)
    response, transition = line.hear()

    assert (response["success"], response["result"]) == (True, 7)
    assert transition["modifications"][0]["value"] == 1
    line.peer.check_at_rest()


@pytest.mark.parametrize("kind", ["Mutation", "Action"])
async def test_failure_is_followed_by_a_transition_too(kind: str) -> None:
    line = await Line().connect()
    await line.say(line.peer.call(kind, "a:set", {}))
    outcome = CallOutcome(None, Failure("no", b'"data"'))
    if kind == "Mutation":
        line.backend.mutations[0][1](outcome)
    else:
        line.backend.actions[0][3].set_result(outcome)
    await turns()
    response, transition = line.hear()

    assert (response["success"], response["errorData"]) == (False, "data")
    assert transition["modifications"] == []
    line.peer.check_at_rest()


async def test_mutations_of_a_client_share_its_lane() -> None:
    line = await Line().connect()
    for _ in range(3):
        await line.say(line.peer.call("Mutation", "a:set", {}))
    lanes = {id(request.lane) for request, _ in line.backend.mutations}

    assert len(lanes) == 1
    assert [line.peer.session_id] == line.backend.resumed


async def test_client_without_connect_has_a_lane_but_no_name() -> None:
    line = Line()
    for _ in range(2):
        await line.say(line.peer.call("Mutation", "a:set", {}))
    first, second = (request for request, _ in line.backend.mutations)

    assert first.session is None
    assert first.lane is second.lane is not None
    assert line.backend.resumed == [None]


def came_back(*, requests: int, last_receipt: int, last_ts: int) -> tuple[Line, list[str]]:
    """A client that lost its socket before it heard of some mutations, and what it says now."""
    line = Line()
    line.peer.observed = 50
    for _ in range(requests):
        line.peer.call("Mutation", "a:set", {})
    line.backend.lane = FakeLane(last_receipt, last_ts)
    return line, line.peer.connect()


def test_transitions_wait_for_the_answer_to_a_mutation_that_is_sent_again() -> None:
    """Else the client would see its write, and apply its optimistic update on top of it."""

    async def main() -> None:
        line, (*hello, first, second) = came_back(requests=2, last_receipt=1, last_ts=60)
        await line.say(*hello)
        await turn_of_the_loop()

        assert line.kinds() == []

        await line.say(first, second)
        await line.settle(0, ts=55)
        await turn_of_the_loop()

        assert line.kinds() == ["MutationResponse"]

        await line.settle(1, ts=60)
        await turn_of_the_loop()

        assert line.kinds() == ["MutationResponse", "Transition"]
        line.peer.check_at_rest()

    simulate(main(), seed=0)


def test_client_that_sends_nothing_again_is_not_kept_waiting_for_long() -> None:
    async def main() -> None:
        line, hello = came_back(requests=0, last_receipt=3, last_ts=50)
        await line.say(*hello)
        await turn_of_the_loop()

        assert line.kinds() == []

        await asyncio.sleep(LIMITS.resend_s)
        await turn_of_the_loop()

        assert line.kinds() == ["Transition"]
        line.peer.check_at_rest()

    simulate(main(), seed=0)


@pytest.mark.parametrize(("last_receipt", "last_ts"), [(-1, 0), (3, 49)])
def test_client_that_has_seen_all_its_writes_is_answered_at_once(
    last_receipt: int, last_ts: int
) -> None:
    async def main() -> None:
        line, hello = came_back(requests=0, last_receipt=last_receipt, last_ts=last_ts)
        await line.say(*hello)
        await turn_of_the_loop()

        assert line.kinds() == ["Transition"]

    simulate(main(), seed=0)


async def test_identity_of_a_mutation_is_that_of_its_time() -> None:
    line = await Line().connect()
    await line.say(line.peer.call("Mutation", "a:set", {}))
    await line.say(line.peer.authenticate("ada"))
    await line.say(line.peer.call("Mutation", "a:set", {}))
    first, second = (request.caller.identity for request, _ in line.backend.mutations)

    assert first is None
    assert second is not None
    assert second.subject == "ada"


async def test_actions_run_at_once_and_answer_in_any_order() -> None:
    line = await Line().connect()
    for _ in range(2):
        await line.say(line.peer.call("Action", "a:act", {}))
    for number in (1, 0):
        line.backend.actions[number][3].set_result(CallOutcome(b"%d" % number, None))
        await turns()
    answers = [each for each in line.hear() if each["type"] == "ActionResponse"]

    assert [each["requestId"] for each in answers] == [1, 0]
    assert all("ts" not in each for each in answers)
    line.peer.check_at_rest()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Mutation", "TooManyConcurrentMutations"),
        ("Action", "TooManyInflightActionsForSingleClient"),
    ],
)
async def test_calls_under_way_are_bounded(kind: str, reason: str) -> None:
    line = await Line().connect()
    allowed = LIMITS.session_mutations_max if kind == "Mutation" else LIMITS.session_actions_max
    closed = []
    for _ in range(allowed + 1):
        await line.say(line.peer.call(kind, "a:b", {}))
        closed.append(line.connection.closed)

    assert [None] * allowed + [(1013, reason)] == closed
    for *_, answer in line.backend.actions:
        answer.cancel()


async def test_answered_mutation_makes_room() -> None:
    line = await Line().connect()
    for number in range(10):
        await line.say(line.peer.call("Mutation", "a:b", {}))
        await line.settle(number)

    assert line.connection.closed is None


async def test_server_that_is_full_asks_to_come_again() -> None:
    line = await Line().connect()
    line.backend.is_full = True
    await line.say(line.peer.call("Mutation", "a:b", {}))

    assert line.connection.closed == (1013, "CommitterFullError")


async def test_answer_after_the_end_is_not_sent() -> None:
    line = await Line().connect()
    await line.say(line.peer.call("Mutation", "a:b", {}), line.peer.call("Action", "a:c", {}))
    line.worker.close()
    sent = len(line.connection.sent)
    await line.settle()
    line.backend.actions[0][3].set_result(CallOutcome(b"1.0", None))
    await turns()
    await line.say(line.peer.modify([Add("a", {})]))

    assert sent == len(line.connection.sent)
    assert line.world.lives == {}


# Breaking the protocol


async def test_second_connect_is_fatal() -> None:
    line = await Line().connect()
    await line.say(line.peer.connect()[0])

    assert line.said_last()["type"] == "FatalError"
    assert line.said_last()["error"].startswith("DuplicateConnect: ")
    assert line.connection.closed == (None, "DuplicateConnect")


async def test_query_set_that_does_not_follow_is_fatal() -> None:
    line = await Line().connect()
    lost = line.peer.modify([Add("a", {})])
    await line.say(line.peer.modify([Add("b", {})]))

    assert '"baseVersion": 1' in lost
    assert line.said_last()["type"] == "FatalError"
    assert "Base version 2 passed up doesn't match" in line.said_last()["error"]
    assert line.said_last()["error"].startswith("BaseVersionMismatch: ")
    assert line.connection.closed == (None, "BaseVersionMismatch")


async def test_identity_that_does_not_follow_is_fatal() -> None:
    line = await Line().connect()
    line.peer.authenticate("ada")
    await line.say(line.peer.authenticate("bob"))

    assert line.said_last()["type"] == "FatalError"
    assert line.connection.closed == (None, "BaseVersionMismatch")


async def test_client_that_is_ahead_is_sent_away() -> None:
    line = Line()
    line.backend.known_ts = 50
    line.peer.observed = 51
    await line.say(line.peer.connect()[0])

    assert line.connection.closed == (1013, "ClientAheadOfServer")


async def test_telemetry_is_ignored() -> None:
    line = await Line().connect()
    await line.say('{"type":"Event","eventType":"ClientConnect","event":[]}')

    assert line.kinds() == []
    assert line.connection.closed is None


# Identities


async def test_new_identity_is_one_transition() -> None:
    line = await Line().connect()
    await line.say(line.peer.modify([Add("a", {}), Add("me", {})]))
    line.hear()
    await line.say(line.peer.authenticate("ada"))

    assert line.kinds() == ["Transition"]
    assert [str(told.value) for told in line.peer.results.values()] == ["0", "ada:0"]

    await line.say(line.peer.authenticate(None))

    assert line.kinds() == ["Transition"]
    assert [str(told.value) for told in line.peer.results.values()] == ["0", ":0"]


async def test_token_that_proves_nothing_ends_the_socket() -> None:
    line = await Line().connect()
    line.backend.refusal = CallError("expired", code="TokenExpired")
    await line.say(line.peer.authenticate("ada"))

    assert line.said_last() == {
        "type": "AuthError",
        "error": "expired",
        "baseVersion": 0,
        "authUpdateAttempted": True,
    }
    assert line.connection.closed == (None, "TokenExpired")


async def test_issuer_that_cannot_be_reached_is_no_auth_error() -> None:
    line = await Line().connect()
    line.backend.refusal = OverloadedError("no keys yet", code="Unavailable")
    await line.say(line.peer.authenticate("ada"))

    assert line.connection.closed == (1013, "Unavailable")
    assert line.said_last()["type"] == "Transition"


EXPIRED = {
    "type": "AuthError",
    "error": "The token of this identity has expired",
    "baseVersion": 1,
    "authUpdateAttempted": False,
}


@pytest.mark.parametrize("kind", ["Mutation", "Action"])
async def test_call_after_the_end_of_the_token_is_not_run(kind: str) -> None:
    line = await Line().connect_for(60)
    closed = []
    for seconds in (59.9, 0.2):
        line.clock.advance(seconds)
        await line.say(line.peer.call(kind, "a:b", {}))
        closed.append(line.connection.closed)

    assert line.said_last() == EXPIRED
    assert closed == [None, (None, "TokenExpired")]
    assert len(line.backend.mutations) + len(line.backend.actions) == 1
    for *_, answer in line.backend.actions:
        answer.cancel()


async def test_change_after_the_end_of_the_token_is_not_told() -> None:
    line = await Line().connect_for(60)
    line.clock.advance(60)
    await turns()
    assert line.hear() == [], "nobody looks at the clock while nothing happens"
    line.world.commit({"a": 1})
    await turns()

    assert line.said_last() == EXPIRED
    assert line.connection.closed == (None, "TokenExpired")
    sent = len(line.connection.sent)
    line.world.commit({"a": 2})
    await turns()
    assert sent == len(line.connection.sent)


async def test_mutation_under_way_when_its_token_ends_is_not_answered_here() -> None:
    """It takes effect; the client, who sends it again on its next socket, is answered there."""
    line = await Line().connect_for(60)
    await line.say(line.peer.call("Mutation", "a:b", {}))
    line.clock.advance(61)
    line.world.commit({"a": 1})
    await turns()
    await line.settle()

    assert line.said_last() == EXPIRED


async def test_fresh_token_in_time_goes_on_without_a_word() -> None:
    line = await Line().connect_for(60)
    line.clock.advance(50)
    line.backend.expires_ns = line.clock.now_ns() + 60 * 10**9
    lives = dict(line.world.lives)
    await line.say(line.peer.authenticate("ada"))
    told = line.hear()
    line.clock.advance(50)
    line.world.commit({"a": 7})
    await turns()

    assert [("Transition", [])] == [(each["type"], each["modifications"]) for each in told]
    assert lives == line.world.lives
    assert line.kinds() == ["Transition"]
    assert line.connection.closed is None


async def test_who_logs_out_does_not_expire() -> None:
    line = await Line().connect_for(60)
    await line.say(line.peer.authenticate(None))
    line.clock.advance(100)
    line.world.commit({"a": 1})
    await turns()

    assert line.connection.closed is None


async def test_clock_of_the_client_is_compared_when_it_logs_in() -> None:
    """What its timers need to know; see `initialAuthTokenReuse` of the JavaScript client."""
    line = Line()
    hello = {"type": "Connect", "sessionId": "8592ff39-b377-46b6-a1cb-a933f940f9ef"}
    now_ms = line.clock.now_ns() // 1_000_000
    await line.say(json.dumps({**hello, "connectionCount": 0, "clientTs": now_ms + 7_000}))
    await line.say(line.peer.modify([Add("a", {})]))
    await line.say(line.peer.authenticate("ada"))
    line.world.commit({"a": 1})
    await turns()
    told = [json.loads(text) for text in line.connection.sent]

    assert [each.get("clientClockSkew") for each in told] == [None, 7_000, None]


async def test_admin_key_makes_an_admin() -> None:
    line = await Line().connect()
    await line.say('{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"key"}')
    await line.say(line.peer.call("Mutation", "a:b", {}))

    assert line.backend.mutations[0][0].caller.is_admin


# Transitions


async def test_slow_client_jumps_to_the_newest_state() -> None:
    line = await Line().connect()
    await line.say(line.peer.modify([Add("a", {})]))
    line.hear()
    line.connection.reads_slowly = True
    for value in (1, 2, 1, 0, 2):
        line.world.commit({"a": value})
        await turns()

    assert line.kinds() == []

    line.connection.reads_slowly = False
    line.rounds.leave(line.worker)
    line.rounds.enter(line.worker)
    await turns()
    (transition,) = line.hear()

    assert transition["modifications"][0]["value"] == 2
    line.peer.check_at_rest()


async def test_responses_are_not_held_back_from_a_slow_client() -> None:
    line = await Line().connect()
    line.connection.reads_slowly = True
    await line.say(line.peer.call("Mutation", "a:b", {}))
    await line.settle(ts=line.world.head)

    assert line.kinds() == ["MutationResponse"]


@pytest.mark.parametrize(
    ("version", "is_cut"), [(NPM, True), (ClientVersion("python", (0, 8, 1)), False)]
)
async def test_long_transition_is_cut_for_those_who_take_it(
    version: ClientVersion, *, is_cut: bool
) -> None:
    line = Line(version=version, limits=replace(LIMITS, chunk_bytes=300))
    await line.say(*line.peer.connect())
    line.hear()
    await line.say(line.peer.modify([Add("a", {})] * 10))
    (_, texts) = line.connection.transitions
    parts = [json.loads(text) for text in texts]

    assert is_cut is (len(parts) > 1)
    if is_cut:
        assert {"TransitionChunk"} == {part["type"] for part in parts}
        text = "".join(part["chunk"] for part in parts)
    else:
        (text,) = map(bytes.decode, texts)
    line.peer.receive(text)

    assert len(line.peer.results) == 10


async def test_clients_in_the_same_state_are_sent_the_same_bytes() -> None:
    backend = FakeBackend(World(("a",)))
    rounds = Rounds(ManualClock(), LIMITS)
    lines = [await Line(backend, rounds=rounds).connect() for _ in range(3)]
    for line in lines:
        await line.say(line.peer.modify([Add("a", {})]))
    backend.world.commit({"a": 1})
    await turns()

    assert len({id(line.connection.sent[-1]) for line in lines}) == 1


async def test_closed_session_has_nothing_to_say() -> None:
    line = await Line().connect()
    await line.say(line.peer.modify([Add("a", {})]))
    line.hear()
    line.world.commit({"a": 1})
    line.worker.close()
    line.worker.close()
    await turns()

    assert line.kinds() == []
    assert line.worker.take_turn()
