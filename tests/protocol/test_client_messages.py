"""What clients say: every form that Convex's clients send is read, everything else is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.errors import CallError
from reactive.protocol.codec import decode_client_message
from reactive.protocol.messages import (
    AddQuery,
    Authenticate,
    ClientMessage,
    Connect,
    Event,
    ModifyQuerySet,
    RemoveQuery,
    RunAction,
    RunMutation,
)
from reactive.values.timestamp import encode_timestamp

SESSION = "8592ff39-b377-46b6-a1cb-a933f940f9ef"
U32_MAX = 2**32 - 1

CONNECT = {"type": "Connect", "sessionId": SESSION, "connectionCount": 0}
MODIFY = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": []}
ADD = {"type": "Add", "queryId": 0, "udfPath": "a:b", "args": [{}]}
MUTATION = {"type": "Mutation", "requestId": 0, "udfPath": "a:b", "args": [{}]}
AUTHENTICATE = {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "jwt"}

UNDERSTOOD: list[tuple[dict[str, Any], ClientMessage]] = [
    (
        # As JavaScript sends it: `type` in the middle, keys that nobody needs.
        {
            "connectionCount": 0,
            "lastCloseReason": "InitialConnect",
            "clientTs": 1795238094460,
            "type": "Connect",
            "sessionId": SESSION,
        },
        Connect(SESSION, 0, 1795238094460),
    ),
    *[
        ({**CONNECT, "clientTs": no_clock}, Connect(SESSION, 0))
        for no_clock in (None, 0, -1, 1.5, True, "1795238094460", 2**53)
    ],
    (
        {**CONNECT, "lastCloseReason": None, "maxObservedTimestamp": encode_timestamp(7)},
        Connect(SESSION, 7),
    ),
    ({**CONNECT, "maxObservedTimestamp": None}, Connect(SESSION, 0)),
    # One session however its id is written.
    ({**CONNECT, "sessionId": SESSION.upper()}, Connect(SESSION, 0)),
    (MODIFY, ModifyQuerySet(0, 1, ())),
    (
        {
            **MODIFY,
            "modifications": [
                {**ADD, "args": [{"name": "main"}], "journal": None},
                {**ADD, "queryId": 1, "args": [{}], "journal": "j"},
                {**ADD, "queryId": U32_MAX, "args": [{}], "componentPath": ""},
                {"type": "Remove", "queryId": 3},
            ],
        },
        ModifyQuerySet(
            0,
            1,
            (
                AddQuery(0, "a:b", {"name": "main"}, None),
                AddQuery(1, "a:b", {}, "j"),
                AddQuery(U32_MAX, "a:b", {}, None),
                RemoveQuery(3),
            ),
        ),
    ),
    ({**MUTATION, "args": [{"by": 2}]}, RunMutation(0, "a:b", {"by": 2})),
    (
        {
            "args": [{"a": {"$integer": "AQAAAAAAAAA="}}],
            "udfPath": "act:echo",
            "requestId": 3,
            "type": "Action",
            "componentPath": None,
        },
        RunAction(3, "act:echo", {"a": {"$integer": "AQAAAAAAAAA="}}),
    ),
    # What is no path, or no argument object, is the function call's failure and not the socket's.
    ({**MUTATION, "udfPath": "::"}, RunMutation(0, "::", {})),
    ({**MUTATION, "args": []}, RunMutation(0, "a:b", [])),
    ({**MUTATION, "args": [1, 2]}, RunMutation(0, "a:b", [1, 2])),
    ({**MUTATION, "args": None}, RunMutation(0, "a:b", None)),
    (AUTHENTICATE, Authenticate(0, "User", "jwt", None)),
    (
        {"type": "Authenticate", "baseVersion": 2, "tokenType": "None"},
        Authenticate(2, "None", "", None),
    ),
    (
        {**AUTHENTICATE, "tokenType": "Admin", "impersonating": {"subject": "x"}},
        Authenticate(0, "Admin", "jwt", {"subject": "x"}),
    ),
    # Rust spells the key in another way.
    (
        {**AUTHENTICATE, "tokenType": "Admin", "acting_as": {"subject": "x"}},
        Authenticate(0, "Admin", "jwt", {"subject": "x"}),
    ),
    (
        {**AUTHENTICATE, "tokenType": "Admin", "impersonating": None},
        Authenticate(0, "Admin", "jwt", None),
    ),
    ({"type": "Event", "eventType": "ClientConnect", "event": [1]}, Event("ClientConnect")),
    ({"type": "Event", "eventType": "Later", "event": None}, Event("Later")),
]


@pytest.mark.parametrize(("wire", "message"), UNDERSTOOD)
def test_message_is_understood(wire: dict[str, Any], message: ClientMessage) -> None:
    text = json.dumps(wire)

    assert message == decode_client_message(text)
    assert message == decode_client_message(text.encode())


@pytest.mark.parametrize(("wire", "message"), UNDERSTOOD)
def test_unknown_keys_are_ignored(wire: dict[str, Any], message: ClientMessage) -> None:
    assert message == decode_client_message(json.dumps({"later": {"type": "Add"}, **wire}))


def without(message: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != key}


def adding(**changes: Any) -> dict[str, Any]:
    return {**MODIFY, "modifications": [{**ADD, **changes}]}


REFUSED: list[tuple[object, str]] = [
    ([], "a message is an object"),
    ("Connect", "a message is an object"),
    (None, "a message is an object"),
    ({}, "unknown message type None"),
    ({"type": "Subscribe"}, "unknown message type 'Subscribe'"),
    ({"type": 7}, "unknown message type 7"),
    ({"type": ["Connect"]}, "unknown message type ['Connect']"),
    (without(CONNECT, "sessionId"), "sessionId must be a string"),
    ({**CONNECT, "sessionId": 5}, "sessionId must be a string"),
    ({**CONNECT, "sessionId": "no"}, "sessionId 'no' is no UUID"),
    ({**CONNECT, "maxObservedTimestamp": 5}, "5 is no timestamp"),
    ({**CONNECT, "maxObservedTimestamp": "AAAA"}, "'AAAA' is no timestamp"),
    ({**CONNECT, "maxObservedTimestamp": "//////////8="}, "is no timestamp"),
    (without(MODIFY, "modifications"), "modifications must be an array"),
    ({**MODIFY, "modifications": {}}, "modifications must be an array"),
    ({**MODIFY, "modifications": [None]}, "a modification is an Add or a Remove"),
    ({**MODIFY, "modifications": [{"type": "Change"}]}, "a modification is an Add or a Remove"),
    (without(MODIFY, "baseVersion"), "baseVersion must be an integer"),
    ({**MODIFY, "newVersion": "1"}, "newVersion must be an integer"),
    ({**MODIFY, "newVersion": True}, "newVersion must be an integer"),
    ({**MODIFY, "newVersion": -1}, "newVersion must be an integer"),
    ({**MODIFY, "newVersion": U32_MAX + 1}, "newVersion must be an integer"),
    (adding(queryId=None), "queryId must be an integer"),
    (adding(udfPath=None), "udfPath must be a string"),
    (adding(journal=3), "a journal is a string or null"),
    ({**MODIFY, "modifications": [{"type": "Remove"}]}, "queryId must be an integer"),
    (without(MUTATION, "requestId"), "requestId must be an integer"),
    ({**MUTATION, "requestId": 1.5}, "requestId must be an integer"),
    (without(MUTATION, "udfPath"), "udfPath must be a string"),
    ({**MUTATION, "type": "Action", "udfPath": []}, "udfPath must be a string"),
    (without(AUTHENTICATE, "tokenType"), "tokenType must be a string"),
    ({**AUTHENTICATE, "tokenType": "Robot"}, "unknown tokenType 'Robot'"),
    (without(AUTHENTICATE, "value"), "value must be a string"),
    (without(AUTHENTICATE, "baseVersion"), "baseVersion must be an integer"),
    ({**AUTHENTICATE, "impersonating": "x"}, "impersonating must be an object"),
]


@pytest.mark.parametrize(("wire", "reason"), REFUSED)
def test_malformed_message_is_refused(wire: object, reason: str) -> None:
    with pytest.raises(CallError) as caught:
        decode_client_message(json.dumps(wire))

    assert caught.value.code == "WSMessageInvalidJson"
    assert caught.value.message.startswith("Received Invalid JSON on websocket: ")
    assert reason in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "not json",
        '{"type":"Event","type"}',
        '{"type":"Event","eventType":NaN}',
        '{"type":"Event","eventType":"\\ud800"}',
        b'{"type":"\xff"}',
        "[" * 100_000,
    ],
)
def test_text_that_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(CallError) as caught:
        decode_client_message(text)

    assert caught.value.code == "WSMessageInvalidJson"


def test_long_nonsense_is_not_repeated_at_length() -> None:
    with pytest.raises(CallError) as caught:
        decode_client_message(json.dumps({"type": "x" * 10_000}))

    assert len(caught.value.message) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**33) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        *("sessionId", "baseVersion", "newVersion", "modifications", "requestId", "udfPath"),
        *("args", "tokenType", "value", "impersonating", "queryId", "journal"),
        "maxObservedTimestamp",
    ]
)
KINDS = ["Connect", "ModifyQuerySet", "Mutation", "Action", "Authenticate", "Event"]


@given(st.sampled_from(KINDS), st.dictionaries(KEYS, JSON | st.just([ADD])))
def test_whatever_is_sent_is_read_or_refused(kind: str, fields: dict[str, Any]) -> None:
    # Any other exception would end the socket without a word.
    with suppress(CallError):
        decode_client_message(json.dumps({**fields, "type": kind}))
