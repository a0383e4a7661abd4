"""What a stream's events mean: the vectors, which the page's reducer runs, too, and random logs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.ai.events import TERMINAL, TYPES, Event, check, joined
from reactive.ai.reducer import Part, StreamState, reduce
from tests.ai.random_streams import numbered, streams

VECTORS = {
    path.stem: json.loads(path.read_text()) for path in Path(__file__).parent.glob("vectors/*")
}

SHOWN = {
    "index": "index",
    "type": "type",
    "state": "state",
    "part_id": "partId",
    "text": "text",
    "tool_call_id": "toolCallId",
    "tool_name": "toolName",
    "input_text": "inputText",
    "input": "input",
    "output": "output",
    "error_text": "errorText",
    "started_at": "startedAt",
    "ended_at": "endedAt",
}

STATE = {
    "status": "status",
    "last_seq": "lastSeq",
    "attempt": "attempt",
    "message_id": "messageId",
    "model": "model",
    "usage": "usage",
    "finish_reason": "finishReason",
    "error_code": "errorCode",
    "error_text": "errorText",
    "started_at": "startedAt",
    "ended_at": "endedAt",
    "counts": "counts",
}


def shown_part(part: Part) -> dict[str, Any]:
    return {wire: getattr(part, name) for name, wire in SHOWN.items()}


def shown(state: StreamState) -> dict[str, Any]:
    fields = {wire: getattr(state, name) for name, wire in STATE.items()}
    return {"parts": [shown_part(part) for part in state.parts], **fields}


@pytest.mark.parametrize("name", [name for name in VECTORS if not name.startswith("refused")])
def test_vector(name: str) -> None:
    vector = VECTORS[name]

    state = reduce(vector["events"])

    assert vector["state"] == shown(state)
    assert vector["content"] == state.content


@pytest.mark.parametrize("name", [name for name in VECTORS if name.startswith("refused")])
def test_vector_that_is_refused(name: str) -> None:
    vector = VECTORS[name]
    state = reduce(vector["events"][:-1])

    assert vector["refused"] == vector["events"][-1]["seq"]
    with pytest.raises(ValueError):
        state.apply(vector["events"][-1])


def test_vectors_have_every_type() -> None:
    used = {event["type"] for vector in VECTORS.values() for event in vector["events"]}

    assert TYPES <= used
    assert len(VECTORS) >= 12


@pytest.mark.parametrize("name", [name for name in VECTORS if not name.startswith("refused")])
def test_events_of_vectors_may_stand_in_a_log(name: str) -> None:
    for event in VECTORS[name]["events"]:
        check(event)


@given(streams())
def test_joined_deltas_mean_the_same(found: list[Event]) -> None:
    """What was merged before it got its numbers makes the same parts."""
    one, other = reduce(numbered(found)), reduce(numbered(joined(found)))

    assert _without_counts(one) == _without_counts(other)


@given(streams())
def test_content_is_the_visible_text_of_the_last_attempt(found: list[Event]) -> None:
    last = max((i for i, e in enumerate(found) if e["type"] == "attempt-reset"), default=-1)
    ids = [e["partId"] for e in found[last + 1 :] if e["type"] == "text-start"]
    texts = {
        each: "".join(
            e["delta"]
            for e in found[last + 1 :]
            if e["type"] == "text-delta" and e["partId"] == each
        )
        for each in ids
    }

    assert "".join(texts[each] for each in ids) == reduce(numbered(found)).content


@given(streams())
def test_nothing_is_open_after_the_end(found: list[Event]) -> None:
    state = reduce(numbered(found))
    is_over = bool(found) and found[-1]["type"] in TERMINAL

    assert is_over == state.is_over
    if is_over:
        assert not any(part.is_open for part in state.parts)
        assert all(part.ended_at is not None for part in state.parts)
    assert len(found) == state.last_seq == sum(state.counts.values())


@given(streams(), st.data())
def test_gaps_and_doubles_are_refused(found: list[Event], data: st.DataObject) -> None:
    log = numbered(found)
    cut = data.draw(st.integers(0, len(log) - 1))
    state = reduce(log[:cut])
    other = data.draw(st.integers(0, len(log) + 2).filter(lambda seq: seq != cut + 1))

    with pytest.raises(ValueError):
        state.apply({**log[cut], "seq": other})


def _without_counts(state: StreamState) -> dict[str, Any]:
    found = shown(state)
    # A merged delta has the time of its first.
    for name in ("counts", "lastSeq"):
        del found[name]
    return found
