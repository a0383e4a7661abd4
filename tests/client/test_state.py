"""`SyncState`: the cases that the state machine's server does not come to."""

import json
from typing import Any

import pytest

from reactive.client.errors import ProtocolError
from reactive.client.messages import Credential
from reactive.client.optimistic import OptimisticStore
from reactive.client.results import Failed, QueryKey, Value, query_key
from reactive.client.state import SyncState
from reactive.errors import ApplicationError, CallError, LimitError, UsageError
from reactive.limits import Limits
from reactive.values.encoding import Int64
from tests.wire_values import ts_text

KEY = query_key("counters:get", {"name": "a"})


def opened(limits: Limits | None = None) -> SyncState:
    state = SyncState("11111111-1111-4111-8111-111111111111", limits or Limits())
    state.opened(5)
    return state


def sent(state: SyncState) -> list[dict[str, Any]]:
    return [json.loads(text) for text in state.take_outgoing()]


def version(query_set: int, identity: int, ts: int) -> dict[str, Any]:
    return {"querySet": query_set, "identity": identity, "ts": ts_text(ts)}


def transition(
    start: tuple[int, int, int], end: tuple[int, int, int], *modifications: dict[str, Any]
) -> str:
    return json.dumps(
        {
            "type": "Transition",
            "startVersion": version(*start),
            "endVersion": version(*end),
            "modifications": modifications,
        }
    )


def updated(query_id: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "QueryUpdated", "queryId": query_id, "value": value, "logLines": []} | more


def answer(request_id: int, result: Any, ts: int) -> str:
    return json.dumps(
        {
            "type": "MutationResponse",
            "requestId": request_id,
            "success": True,
            "result": result,
            "ts": ts_text(ts),
            "logLines": [],
        }
    )


def test_greeting() -> None:
    state = opened()

    connect, modify = sent(state)
    assert connect == {
        "type": "Connect",
        "sessionId": state.session_id,
        "connectionCount": 0,
        "lastCloseReason": "InitialConnect",
        "clientTs": 5,
    }
    assert modify == {
        "type": "ModifyQuerySet",
        "baseVersion": 0,
        "newVersion": 1,
        "modifications": [],
    }


def test_comes_back_with_all_it_knows() -> None:
    state = opened()
    state.authenticate(Credential("User", "token"))
    state.watch(KEY)
    state.call("Mutation", query_key("counters:add", {}))
    sent(state)
    state.receive(transition((0, 0, 0), (2, 1, 7), updated(0, 1.0, journal="here")))
    state.closed("closed with code 1006")
    state.opened(6)

    connect, authenticate, modify, mutation = sent(state)
    assert connect["connectionCount"] == 1
    assert connect["lastCloseReason"] == "closed with code 1006"
    assert connect["maxObservedTimestamp"] == ts_text(7)
    assert authenticate == {
        "type": "Authenticate",
        "baseVersion": 0,
        "tokenType": "User",
        "value": "token",
    }
    assert [each["journal"] for each in modify["modifications"]] == ["here"]
    assert mutation["requestId"] == 0


def test_write_is_shown_before_its_mutation_settles_on_a_new_socket() -> None:
    """A server may lose its patience and tell of its commits before it has read the queries."""
    state = opened()
    state.authenticate(Credential("User", "token"))
    state.watch(KEY)
    sent(state)
    state.receive(transition((0, 0, 0), (1, 1, 1), updated(0, 1.0)))
    state.call("Mutation", query_key("counters:add", {}))
    sent(state)
    state.closed("closed with code 1006")
    state.opened(6)
    sent(state)

    assert not state.receive(transition((0, 0, 0), (0, 1, 9))).settled
    assert not state.receive(answer(0, 2.0, 5)).settled
    assert not state.is_healthy
    effects = state.receive(transition((0, 1, 9), (1, 1, 9), updated(0, 2.0)))
    assert [outcome for _, outcome in effects.settled] == [Value(b"2.0")]
    assert state.result(KEY) == Value(b"2.0")
    assert state.is_healthy


def test_changes_of_queries_are_sent_together() -> None:
    state = opened()
    sent(state)
    other = query_key("counters:get", {"name": "b"})
    state.watch(KEY)
    state.watch(other)
    state.watch(KEY)
    state.unwatch(other)

    (modify,) = sent(state)
    assert [each["queryId"] for each in modify["modifications"]] == [0]
    state.unwatch(KEY)
    assert sent(state) == []
    state.unwatch(KEY)
    (modify,) = sent(state)
    assert modify["modifications"] == [{"type": "Remove", "queryId": 0}]


def test_many_queries_go_in_several_messages() -> None:
    state = SyncState("11111111-1111-4111-8111-111111111111", Limits(frame_bytes_max=1_000))
    for number in range(20):
        state.watch(query_key("counters:get", {"name": f"{number:050d}"}))
    state.opened(0)

    _, *modifies = sent(state)
    assert [each["baseVersion"] for each in modifies] == list(range(len(modifies)))
    assert len(modifies) > 2
    ids = [each["queryId"] for modify in modifies for each in modify["modifications"]]
    assert ids == list(range(20))


def test_calls_wait_where_the_server_would_close() -> None:
    state = opened(Limits(client_calls_max=2))
    sent(state)
    for _ in range(3):
        state.call("Mutation", query_key("counters:add", {}))

    assert [each["requestId"] for each in sent(state)] == [0, 1]
    assert sent(state) == []
    state.receive(answer(0, None, 4))
    assert [each["requestId"] for each in sent(state)] == [2]


def test_same_identity_for_what_was_said_before_it_changed() -> None:
    state = opened()
    sent(state)
    state.call("Mutation", query_key("a:before", {}))
    state.pause()
    state.call("Mutation", query_key("a:after", {}))
    assert [each["udfPath"] for each in sent(state)] == ["a:before"]
    state.authenticate(Credential("User", "token"))
    assert [each["type"] for each in sent(state)] == ["Authenticate", "Mutation"]


def test_broken_update_leaves_nothing() -> None:
    state = opened()
    state.watch(KEY)
    sent(state)
    state.receive(transition((0, 0, 0), (1, 0, 1), updated(0, 1.0)))

    def update(store: OptimisticStore) -> None:
        store.set_query("counters:get", {"name": "a"}, 5)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        state.call("Mutation", query_key("counters:add", {}), update)
    assert state.result(KEY) == Value(b"1.0")
    assert sent(state) == []


def test_update_that_breaks_later_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    state = opened()
    state.watch(KEY)
    sent(state)
    state.receive(transition((0, 0, 0), (1, 0, 1), updated(0, 1.0)))

    def update(store: OptimisticStore) -> None:
        value = store.get_query("counters:get", {"name": "a"})
        store.set_query("counters:get", {"name": "a"}, 10 / (2 - value))

    state.call("Mutation", query_key("counters:add", {}), update)
    assert state.result(KEY) == Value(b"10.0")
    state.receive(transition((1, 0, 1), (1, 0, 2), updated(0, 2.0)))
    assert state.result(KEY) == Value(b"2.0")
    assert "ZeroDivisionError" in caplog.text


def test_update_cannot_be_a_coroutine() -> None:
    async def update(store: OptimisticStore) -> None:
        """Never runs."""

    with pytest.raises(UsageError, match="coroutine"):
        opened().call("Mutation", query_key("counters:add", {}), update)


def test_store_gives_copies() -> None:
    state = opened()
    for name in "ab":
        state.watch(query_key("items:list", {"name": name}))
    sent(state)
    state.receive(transition((0, 0, 0), (1, 0, 1), updated(0, [1.0]), updated(1, [2.0])))
    seen = []

    def update(store: OptimisticStore) -> None:
        everything = store.get_all_queries("items:list")
        seen.append(everything)
        for args, value in everything:
            value.append(args["name"])
        assert store.get_query("items:list", {"name": "a"}) == [1]
        store.set_query("items:list", {"name": "a"}, [9])
        assert store.get_query("items:list", {"name": "a"}) == [9]
        assert store.get_query("items:list", {"name": "c"}, "none") == "none"

    state.call("Mutation", query_key("items:add", {}), update)
    assert [(args["name"], value) for args, value in seen[0]] == [("a", [1, "a"]), ("b", [2, "b"])]
    assert state.result(query_key("items:list", {"name": "b"})) == Value(b"[2.0]")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"type":"Rumor"}', "Rumor"),
        ('{"type":"Transition"}', "startVersion"),
        (transition((0, 0, 1), (0, 0, 2)), "starts at"),
        (transition((0, 0, 0), (0, 0, 2), {"type": "QueryUpdated", "queryId": 1}), "value"),
        (transition((0, 0, 0), (0, 0, 2), {"type": "Odd", "queryId": 1}), "Odd"),
        (answer(0, None, 1).replace(ts_text(1), "nonsense"), "timestamp"),
        (answer(0, None, 1).replace("[]", "null"), "log lines"),
        (answer(0, None, 1).replace("0", '"0"'), "integer"),
    ],
)
def test_what_a_server_must_not_send(text: str, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        opened().receive(text)


def chunk(text: str, number: int, total: int, transition_id: str = "1") -> str:
    return json.dumps(
        {
            "type": "TransitionChunk",
            "chunk": text,
            "partNumber": number,
            "totalParts": total,
            "transitionId": transition_id,
        }
    )


def test_chunks_make_a_transition() -> None:
    state = opened()
    text = transition((0, 0, 0), (1, 0, 3))
    assert not state.receive(chunk(text[:9], 0, 2)).is_connected
    assert not state.receive('{"type":"Ping"}').is_connected
    assert state.receive(chunk(text[9:], 1, 2)).is_connected


@pytest.mark.parametrize("second", [chunk("", 2, 3), chunk("", 1, 4), chunk("", 1, 3, "2")])
def test_chunks_must_fit(second: str) -> None:
    state = opened()
    state.receive(chunk("{", 0, 3))
    with pytest.raises(ProtocolError, match="order"):
        state.receive(second)


def test_failures() -> None:
    plain = Failed.told("[Request ID: 12ab] Server Error\nUncaught ValueError: no\n", None)
    error = plain.error("a:b")
    assert str(error) == "a:b: Server Error\nUncaught ValueError: no (request id 12ab)"
    assert plain == Failed.told("[Request ID: 34cd] Server Error\nUncaught ValueError: no\n", None)
    own = Failed.told("[Request ID: 12ab] Server Error", b'{"n":{"$integer":"BwAAAAAAAAA="}}')
    raised = own.error("a:b")
    assert isinstance(raised, ApplicationError)
    assert raised.data == {"n": Int64(7)}
    assert type(raised.data["n"]) is Int64
    null = Failed.told("Server Error", b"null").error("a:b")
    assert isinstance(null, ApplicationError)
    assert null.data is None


def test_keys() -> None:
    assert query_key("a.js:list", {"b": 1, "a": 2}) == QueryKey("a:list", b'{"a":2.0,"b":1.0}')
    assert query_key("a", {}) == query_key("a:default", {})
    assert query_key("a", {"n": True}) != query_key("a", {"n": 1})
    with pytest.raises(CallError, match="path"):
        query_key("a b:c", {})
    with pytest.raises(CallError, match=r"arguments of a:b: at \.x"):
        query_key("a:b", {"x": object()})
    with pytest.raises(LimitError, match="16777216"):
        query_key("a:b", {"x": "x" * 17_000_000})
    with pytest.raises(LimitError, match="as JSON"):
        query_key("a:b", {"x": "\x01" * 10_000_000})
