"""Whatever a log says, each dialect says only what its clients know, and how it ended."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.ai.dialects import AiSdk, Dialect, PlainText, Sse, Trpc, ai_sdk, trpc
from reactive.ai.events import Event
from reactive.ai.reducer import reduce
from tests.readers.logs import logs

CUTS = st.lists(st.integers(0, 60), max_size=6)


def pages(log: list[Event], cuts: list[int]) -> list[list[Event]]:
    """The log in pages, as a reader gets it while it is written."""
    bounds = sorted({min(cut, len(log)) for cut in cuts} | {0, len(log)})
    return [log[start:end] for start, end in pairwise(bounds)]


def told(dialect: Dialect, log: list[Event], cuts: list[int]) -> bytes:
    found = [dialect.begin(), *(dialect.page(page) for page in pages(log, cuts)), dialect.end()]
    return b"".join(found)


def frames(data: bytes) -> list[dict[str, str]]:
    """Each frame's fields."""
    assert data.endswith(b"\n\n")
    found = []
    for block in data.decode().removesuffix("\n\n").split("\n\n"):
        lines = [line.partition(": ") for line in block.split("\n")]
        found.append({name: value for name, _, value in lines})
    return found


@given(logs(), CUTS)
def test_sse_is_the_log(log: list[Event], cuts: list[int]) -> None:
    for frame, event in zip(frames(told(Sse(), log, cuts)), log, strict=True):
        assert json.loads(frame["data"]) == event
        assert (frame["id"], frame["event"]) == (str(event["seq"]), event["type"])


@given(logs(), CUTS)
def test_plain_text_is_the_text(log: list[Event], cuts: list[int]) -> None:
    dialect = PlainText()
    assert told(dialect, log, cuts).decode() == reduce(log).content
    assert dialect.is_cut == (log[-1]["type"] == "stream-error")


class Ui:
    """What a client of the AI SDK makes of chunks, and what it would not take."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.open: dict[str, str] = {}
        self.tools: dict[str, str] = {}
        self.text = ""
        self.thoughts = ""
        self.before: tuple[dict[str, str], str] = ({}, "")
        self.has_started = False
        self.in_step = False
        self.ending: dict[str, Any] | None = None

    def take(self, chunk: dict[str, Any]) -> None:
        kind = chunk["type"]
        assert kind in ai_sdk.CHUNKS or (kind == "reset-step" and self.version == 7)
        assert self.ending is None, f"{kind} after the end"
        assert self.has_started == (kind != "start")
        if kind == "start":
            self.has_started = True
        elif kind in ("start-step", "finish-step"):
            assert self.in_step == (kind == "finish-step")
            self.in_step = not self.in_step
            self.before = (dict(self.tools), self.thoughts)
        elif kind == "reset-step":
            assert self.in_step
            self.open.clear()
            self.tools, self.thoughts = dict(self.before[0]), self.before[1]
        elif kind in ("finish", "abort", "error"):
            assert not self.open
            assert not self.in_step
            assert all(state == "over" for state in self.tools.values())
            self.ending = chunk
        else:
            self._content(kind, chunk)

    def _content(self, kind: str, chunk: dict[str, Any]) -> None:
        what, _, verb = kind.partition("-")
        if what == "tool":
            self._tool(verb, chunk)
        elif verb == "start":
            assert self.in_step
            assert chunk["id"] not in self.open
            self.open[chunk["id"]] = what
        else:
            assert self.open[chunk["id"]] == what
            if verb == "end":
                del self.open[chunk["id"]]
            elif what == "text":
                self.text += chunk["delta"]
            else:
                self.thoughts += chunk["delta"]

    def _tool(self, verb: str, chunk: dict[str, Any]) -> None:
        state = self.tools.get(chunk["toolCallId"])
        before = {
            "input-start": (None,),
            "input-delta": ("input",),
            "input-available": (None, "input"),
            "input-error": ("input",),
            "output-available": ("called",),
            "output-error": ("called",),
        }
        assert state in before[verb], (verb, state)
        after = {"input-start": "input", "input-delta": "input", "input-available": "called"}
        self.tools[chunk["toolCallId"]] = after.get(verb, "over")
        if verb in ("input-start", "input-available", "input-error"):
            assert chunk["toolName"]


def taken(data: bytes, version: int = 6) -> Ui:
    found = frames(data)
    assert found[-1] == {"data": "[DONE]"}
    ui = Ui(version)
    for frame in found[:-1]:
        ui.take(json.loads(frame["data"]))
    return ui


@given(logs(), CUTS, st.sampled_from([6, 7]))
def test_ai_sdk_can_take_it(log: list[Event], cuts: list[int], version: int) -> None:
    ui = taken(told(AiSdk("s1", version), log, cuts), version)
    state = reduce(log)
    assert ui.text == state.content
    assert ui.ending is not None
    ends = {"finished": "finish", "stopped": "abort", "error": "error"}
    assert ui.ending["type"] == ends[state.status]
    if state.status == "finished":
        allowed = {"stop", "length", "content-filter", "tool-calls", "error", "other"}
        assert ui.ending["finishReason"] in allowed


@pytest.mark.parametrize("version", [6, 7])
def test_ai_sdk_that_can_takes_an_attempt_back(version: int) -> None:
    begun: list[dict[str, Any]] = [
        {"type": "stream-start", "messageId": "m", "model": "a/b", "attempt": 1},
        {"type": "reasoning-start", "partId": "r"},
        {"type": "reasoning-delta", "partId": "r", "delta": "Hm"},
        {"type": "tool-input-start", "toolCallId": "c", "toolName": "look"},
        {"type": "tool-input-delta", "toolCallId": "c", "delta": "{"},
        {"type": "attempt-reset", "from": 1, "to": 2},
        {"type": "reasoning-start", "partId": "r"},
        {"type": "reasoning-delta", "partId": "r", "delta": "So"},
        {"type": "reasoning-end", "partId": "r"},
        {"type": "stream-finish", "finishReason": "stop", "usage": {}},
    ]
    log = [{"seq": seq, "ts": 0.0, **event} for seq, event in enumerate(begun, 1)]
    ui = taken(told(AiSdk("s1", version), log, [5]), version)
    assert (ui.thoughts, ui.tools) == (("HmSo", {"c": "over"}) if version == 6 else ("So", {}))


@given(logs(), st.integers(0, 60))
def test_ai_sdk_hears_that_a_log_is_lost(log: list[Event], cut: int) -> None:
    data = told(AiSdk("s1"), log[: min(max(cut, 1), len(log) - 1)], [])
    ui = taken(data)
    assert ui.ending is not None
    assert ui.ending["type"] == "error"


@given(logs())
def test_ai_sdk_is_not_told_of_void_attempts_when_late(log: list[Event]) -> None:
    chunks = list(AiSdk("s1").chunks(log))
    resets = [at for at, event in enumerate(log) if event["type"] == "attempt-reset"]
    counted = log[resets[-1] if resets else 0 :]
    calls = {event["toolCallId"] for event in counted if "toolCallId" in event}
    assert {chunk["toolCallId"] for chunk in chunks if "toolCallId" in chunk} == calls


def subscribed(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    first, *rest, last = frames(data)
    assert first["event"] == "connected"
    assert last == {"event": "return", "data": ""}
    return [(frame["id"], json.loads(frame["data"])) for frame in rest]


@given(logs(), CUTS)
def test_trpc_can_take_it(log: list[Event], cuts: list[int]) -> None:
    found = subscribed(told(Trpc(), log, cuts))
    items = [item for _, item in found]
    state = reduce(log)
    assert {item["type"] for item in items} <= trpc.TYPES
    assert [item["type"] for item in items].count("finalized") == 1
    assert "".join(item["content"] for item in items if item["type"] == "delta") == state.content
    outcome, last = items[-2:]
    assert last["type"] == "finalized"
    assert outcome["finalContent"] == state.content
    if state.status == "error":
        assert (outcome["type"], last["status"]) == ("error", "error")
    else:
        assert (outcome["type"], last["status"] in ("success", "building")) == ("complete", True)
    assert len({tracked for tracked, _ in found}) == len(found)


@given(logs(), CUTS, st.data())
def test_trpc_goes_on_after_any_item(
    log: list[Event], cuts: list[int], data: st.DataObject
) -> None:
    found = subscribed(told(Trpc(), log, []))
    at = data.draw(st.integers(0, len(found) - 1))
    tracked, _ = found[at]
    again = frames(told(Trpc(tracked), log, cuts))[1:-1]
    rest = [(frame["id"], json.loads(frame["data"])) for frame in again]
    assert rest == found[at + 1 :]


@given(logs(), st.integers(0, 60))
def test_trpc_hears_that_a_log_is_lost(log: list[Event], cut: int) -> None:
    found = subscribed(told(Trpc(), log[: min(cut, len(log) - 1)], []))
    assert [item["type"] for _, item in found[-2:]] == ["error", "finalized"]


@pytest.mark.parametrize("tracked", ["x", "1.x", "-1", "1.2.3", "²", "１", "9" * 5_000])
def test_trpc_knows_no_other_ids(tracked: str) -> None:
    with pytest.raises(ValueError, match="no id of this subscription"):
        Trpc(tracked)


def test_trpc_tells_of_what_goes_on_afterwards() -> None:
    log: list[dict[str, Any]] = [
        {"type": "stream-start", "messageId": "m", "model": "a/b", "attempt": 1},
        {"type": "tool-call", "toolCallId": "c", "toolName": "build", "input": {}},
        {"type": "tool-result", "toolCallId": "c", "success": True, "output": {"jobId": "j1"}},
        {"type": "stream-finish", "finishReason": "stop", "usage": {}},
    ]
    events = [{"seq": seq, "ts": 0.0, **event} for seq, event in enumerate(log, 1)]
    assert [item for _, item in Trpc().items(events)] == [
        {"type": "status", "status": "thinking"},
        {"type": "status", "status": "tool_calling"},
        {"type": "tool_start", "name": "build"},
        {"type": "tool_result", "name": "build", "success": True, "jobId": "j1"},
        {"type": "status", "status": "building"},
        {"type": "complete", "finalContent": ""},
        {"type": "finalized", "status": "building", "jobId": "j1"},
    ]
