"""What the server says: exact JSON of every message, and Transitions in chunks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.backend import EMPTY_LOG, CallOutcome, Failure, QueryOutcome
from reactive.protocol.codec import (
    PING,
    encode_action_response,
    encode_auth_error,
    encode_chunks,
    encode_fatal_error,
    encode_mutation_response,
    encode_transition,
    query_piece,
    removed_piece,
    timestamp_body,
)
from reactive.protocol.messages import START, StateVersion
from reactive.values.timestamp import encode_timestamp

LOG = b"[\"[LOG] 'hi'\"]"


def answer(
    value: bytes | None = b"5.0",
    failure: Failure | None = None,
    log_lines: bytes = EMPTY_LOG,
    journal: str | None = None,
) -> QueryOutcome:
    return QueryOutcome(7, value, failure, log_lines, journal)


def test_query_updated() -> None:
    piece = query_piece(3, answer(b'{"a":[1.0]}', log_lines=LOG, journal='a "b"\n'))

    assert json.loads(piece) == {
        "type": "QueryUpdated",
        "queryId": 3,
        "value": {"a": [1.0]},
        "logLines": ["[LOG] 'hi'"],
        "journal": 'a "b"\n',
    }


def test_result_without_value_is_null() -> None:
    updated = json.loads(query_piece(0, answer(None)))

    assert updated["value"] is None
    assert updated["journal"] is None
    assert updated["logLines"] == []


def test_result_is_spliced_in_as_the_bytes_it_is() -> None:
    # Nobody parses it: what is no JSON at all would pass just as well.
    assert b'"value":<as it is>,' in query_piece(0, answer(b"<as it is>"))


def test_query_failed() -> None:
    piece = query_piece(3, answer(None, Failure('Server Error\nUncaught "x"', request_id="0a1b")))

    assert json.loads(piece) == {
        "type": "QueryFailed",
        "queryId": 3,
        "errorMessage": '[Request ID: 0a1b] Server Error\nUncaught "x"',
        "logLines": [],
        "journal": None,
    }


@pytest.mark.parametrize("data", [b'{"code":"X"}', b"null"])
def test_error_data_is_there_only_for_an_application_error(data: bytes) -> None:
    failed = json.loads(query_piece(3, answer(None, Failure("m", data))))

    assert json.loads(data) == failed["errorData"]


def test_query_removed() -> None:
    assert json.loads(removed_piece(4)) == {"type": "QueryRemoved", "queryId": 4}


def test_transition() -> None:
    end = StateVersion(2, 1, 1_795_238_094_600_164_812)
    pieces = [query_piece(0, answer()), removed_piece(1)]
    text = encode_transition(START, end, pieces, 1_795_238_094_700_000_001)

    assert {
        "type": "Transition",
        "startVersion": {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="},
        "endVersion": {"querySet": 2, "identity": 1, "ts": encode_timestamp(end.ts)},
        "modifications": [
            {"type": "QueryUpdated", "queryId": 0, "value": 5.0, "logLines": [], "journal": None},
            {"type": "QueryRemoved", "queryId": 1},
        ],
        "serverTs": 1_795_238_094_700_000_001,
    } == json.loads(text)


def test_empty_transition() -> None:
    assert json.loads(encode_transition(START, START, [], 1))["modifications"] == []


def test_transition_says_how_far_the_clients_clock_is_ahead() -> None:
    for skew_ms in (-5, 0, 3_600_000):
        assert (
            json.loads(encode_transition(START, START, [], 1, skew_ms))["clientClockSkew"]
            == skew_ms
        )
    assert "clientClockSkew" not in json.loads(encode_transition(START, START, [], 1))


def test_mutation_response() -> None:
    outcome = CallOutcome(b"7.0", None, LOG, ts=1)

    assert json.loads(encode_mutation_response(5, outcome)) == {
        "type": "MutationResponse",
        "requestId": 5,
        "success": True,
        "result": 7.0,
        "ts": "AQAAAAAAAAA=",
        "logLines": ["[LOG] 'hi'"],
    }


def test_mutation_that_failed() -> None:
    failed = CallOutcome(None, Failure("Server Error", request_id="def"))
    data = b'{"code":"NOPE"}'
    refused = CallOutcome(None, Failure("Server Error", data, request_id="def"), LOG)

    assert json.loads(encode_mutation_response(1, failed)) == {
        "type": "MutationResponse",
        "requestId": 1,
        "success": False,
        "result": "[Request ID: def] Server Error",
        "ts": None,
        "logLines": [],
    }
    assert json.loads(encode_mutation_response(2, refused)) == {
        "type": "MutationResponse",
        "requestId": 2,
        "success": False,
        "result": "[Request ID: def] Server Error",
        "ts": None,
        "logLines": ["[LOG] 'hi'"],
        "errorData": {"code": "NOPE"},
    }


def test_action_response_has_no_ts() -> None:
    done = CallOutcome(None, None)
    failed = CallOutcome(None, Failure("boom", b"1.0", request_id="ab"))

    assert json.loads(encode_action_response(5, done)) == {
        "type": "ActionResponse",
        "requestId": 5,
        "success": True,
        "result": None,
        "logLines": [],
    }
    assert json.loads(encode_action_response(5, failed)) == {
        "type": "ActionResponse",
        "requestId": 5,
        "success": False,
        "result": "[Request ID: ab] boom",
        "logLines": [],
        "errorData": 1.0,
    }


def test_errors_and_ping() -> None:
    assert json.loads(PING) == {"type": "Ping"}
    assert json.loads(encode_fatal_error('a "b" ü')) == {"type": "FatalError", "error": 'a "b" ü'}
    assert json.loads(encode_auth_error("expired", 2, attempted=True)) == {
        "type": "AuthError",
        "error": "expired",
        "baseVersion": 2,
        "authUpdateAttempted": True,
    }
    assert json.loads(timestamp_body(1)) == {"ts": "AQAAAAAAAAA="}


@given(st.text(), st.text(), st.binary(max_size=8).map(bytes.hex))
def test_any_text_survives(message: str, journal: str, request_id: str) -> None:
    outcome = answer(None, Failure(message, request_id=request_id), journal=journal)
    failed = json.loads(query_piece(0, outcome))

    assert f"[Request ID: {request_id}] {message}" == failed["errorMessage"]
    assert journal == failed["journal"]


# Chunks


def transition_of(value: str) -> bytes:
    text = json.dumps(value, ensure_ascii=False).encode()
    return encode_transition(START, StateVersion(1, 0, 9), [query_piece(0, answer(text))], 1)


def chunks_of(text: bytes, chunk_bytes: int) -> list[dict[str, Any]]:
    encoded = list(encode_chunks(text, chunk_bytes, "t1"))
    # A part is itself JSON, and must not outgrow what a client takes.
    assert all(2 * chunk_bytes + 200 >= len(each) for each in encoded)
    return [json.loads(each) for each in encoded]


@pytest.mark.parametrize(
    "value",
    ["x" * 1_000, 'quotes " and \\ and \n' * 40, "Grüße 🌍 日本語" * 60, "\x01\x7f" * 200],
)
@pytest.mark.parametrize("chunk_bytes", [16, 100, 333])
def test_chunks_reassemble_to_the_text(value: str, chunk_bytes: int) -> None:
    text = transition_of(value)
    chunks = chunks_of(text, chunk_bytes)

    assert text.decode() == "".join(chunk["chunk"] for chunk in chunks)
    assert list(range(len(chunks))) == [chunk["partNumber"] for chunk in chunks]
    assert {len(chunks)} == {chunk["totalParts"] for chunk in chunks}
    assert {"t1"} == {chunk["transitionId"] for chunk in chunks}
    assert {"TransitionChunk"} == {chunk["type"] for chunk in chunks}
    assert {"type", "chunk", "partNumber", "totalParts", "transitionId"} == set(chunks[0])


@given(st.text(max_size=300), st.integers(1, 64))
def test_no_cut_breaks_a_character(value: str, chunk_bytes: int) -> None:
    text = transition_of(value)

    assert text.decode() == "".join(chunk["chunk"] for chunk in chunks_of(text, chunk_bytes))


def test_one_chunk_is_enough_for_a_short_text() -> None:
    (chunk,) = chunks_of(b'{"type":"Transition"}', 1_000)

    assert (chunk["partNumber"], chunk["totalParts"]) == (0, 1)
