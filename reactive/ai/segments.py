"""Parts cut into rows of which all but the last never change again.

A client that subscribes to the rows of a growing text is sent each of them a bounded number of
times, however long the text becomes.
"""

from dataclasses import dataclass
from typing import Any

from reactive.ai.reducer import Part, StreamState


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of a part. A sealed one is full, or its part is over."""

    index: int
    segment: int
    type: str
    state: str
    sealed: bool
    text: str | None
    tool: dict[str, Any] | None
    started_at: float
    ended_at: float | None


def take_changes(state: StreamState) -> list[Segment]:
    """The rows that have changed since this was last asked, of all parts that are still there."""
    rows: list[Segment] = []
    for index in sorted(state.changed):
        if index < len(state.parts):
            part = state.parts[index]
            rows += segments_of(part, part.dirty_from)
            part.dirty_from = len(part.pieces) - 1
    state.changed.clear()
    return rows


def segments_of(part: Part, start: int = 0) -> list[Segment]:
    """The rows of a part, from piece `start` of its text on; a tool has one row."""
    if part.type == "tool":
        return [_segment(part, 0, sealed=not part.is_open)]
    last = len(part.pieces) - 1
    return [
        _segment(part, number, sealed=number < last or not part.is_open)
        for number in range(start, last + 1)
    ]


def _segment(part: Part, number: int, *, sealed: bool) -> Segment:
    is_last = number == len(part.pieces) - 1
    is_tool = part.type == "tool"
    return Segment(
        part.index,
        number,
        part.type,
        part.state if is_last else "done",
        sealed,
        None if is_tool else part.pieces[number],
        _tool(part) if is_tool else None,
        part.started_at,
        part.ended_at if is_last else None,
    )


def _tool(part: Part) -> dict[str, Any]:
    return {
        "tool_call_id": part.tool_call_id,
        "tool_name": part.tool_name,
        "input_text": part.input_text,
        "input": part.input,
        "output": part.output,
        "error_text": part.error_text,
    }
