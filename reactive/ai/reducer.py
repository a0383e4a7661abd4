"""What a stream's events mean: the one definition, from which parts and text are made.

Pure, and the same in `functions/_web` (TypeScript); both run the vectors of `tests/ai/vectors`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from reactive.ai import events
from reactive.ai.events import Event, Usage, add_usage
from reactive.limits import DEFAULT_LIMITS

PartType = Literal["text", "reasoning", "tool"]


@dataclass(slots=True)
class Part:
    """One piece of an answer.

    Text and reasoning are `streaming`, then `done`; a tool is `pending` while its arguments are
    written, `running`, then `completed` or `error`. Times are milliseconds since the epoch.
    """

    index: int
    type: PartType
    state: str
    part_id: str = ""
    pieces: list[str] = field(default_factory=lambda: [""])
    """The text, cut into pieces that are full but for the last."""
    offset: int = 0
    """Where in the text the last piece begins."""
    dirty_from: int = 0
    """The first piece that has changed since somebody last looked."""
    tool_call_id: str = ""
    tool_name: str = ""
    input_text: str = ""
    input: Any = None
    output: Any = None
    error_text: str = ""
    started_at: float = 0.0
    ended_at: float | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    def append(self, text: str) -> None:
        """Adds text. What it costs does not depend on how long the text is already."""
        tail = self.pieces.pop() + text
        at = 0
        while len(tail) - at > (full := piece_full(self.offset)):
            self.pieces.append(tail[at : at + full])
            at += full
            self.offset += full
        self.pieces.append(tail[at:])

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.state in ("streaming", "pending", "running")


def piece_full(offset: int) -> int:
    """How many characters a piece has that begins at this one of a text.

    Later ones have more: a reader is sent the last piece again and again, and the list of all
    pieces for each that is new, so that neither may grow as fast as the text.
    """
    return max(DEFAULT_LIMITS.segment_characters_min, offset // DEFAULT_LIMITS.segment_parts_min)


@dataclass(slots=True)
class StreamState:
    """A stream as its events up to `last_seq` have made it.

    `status` is `pending`, `streaming`, `finished`, `stopped` or `error`.
    """

    parts: list[Part] = field(default_factory=list)
    status: str = "pending"
    last_seq: int = 0
    attempt: int = 0
    message_id: str = ""
    model: str = ""
    usage: Usage | None = None
    spent: Usage = field(default_factory=events.usage)
    """What the steps of the present attempt have used, also of one that did not end well."""
    finish_reason: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    """How many events there were of each type, those of void attempts included."""
    characters: int = 0
    """The length of all deltas together, likewise."""
    changed: set[int] = field(default_factory=set)
    """The indexes of parts that have changed since somebody last cleared it."""

    @property
    def content(self) -> str:
        """The visible text: that of all text parts, one after another."""
        return "".join(part.text for part in self.parts if part.type == "text")

    @property
    def is_over(self) -> bool:
        """Whether the terminal event was applied."""
        return self.status in ("finished", "stopped", "error")

    @property
    def tool_executions(self) -> list[dict[str, Any]]:
        """The tools' calls in the wire's names, in order."""
        return [
            {
                "toolCallId": part.tool_call_id,
                "toolName": part.tool_name,
                "status": part.state,
                "input": part.input,
                "output": part.output if part.state == "completed" else None,
                "startTime": part.started_at,
                "endTime": part.ended_at,
            }
            for part in self.parts
            if part.type == "tool"
        ]

    def apply(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            ValueError: when it is not the next one, follows the end, or speaks of a part that is
                not there.
        """
        if event["seq"] != self.last_seq + 1:
            raise ValueError(f"event {event['seq']} came after {self.last_seq}")
        if self.is_over:
            raise ValueError(f"event {event['seq']} came after the end")
        kind = event["type"]
        if kind in ("text-delta", "reasoning-delta"):
            part = self._open_part(event)
            part.append(event["delta"])
            self.changed.add(part.index)
        else:
            self._step(kind, event)
        self.last_seq = event["seq"]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.characters += len(event.get("delta", ""))

    def _step(self, kind: str, event: Event) -> None:
        if kind == "stream-start":
            self.status = "streaming"
            self.attempt = event["attempt"]
            self.message_id, self.model = event["messageId"], event["model"]
            self.started_at = self.started_at or event["ts"]
        elif kind in ("text-start", "reasoning-start"):
            self._add(event, "text" if kind == "text-start" else "reasoning", "streaming")
        elif kind in ("text-end", "reasoning-end"):
            self._close(self._open_part(event), "done", event)
        elif kind.startswith("tool-"):
            self._tool(kind, event)
        elif kind == "step-finish":
            self.spent = add_usage(self.spent, event["usage"])
        elif kind == "attempt-reset":
            self.spent = events.usage()
            self.changed.update(range(len(self.parts)))
            self.parts.clear()
            self.attempt = event["to"]
        else:
            self._end(kind, event)

    def _add(self, event: Event, part_type: PartType, state: str) -> Part:
        part = Part(
            len(self.parts),
            part_type,
            state,
            part_id=event.get("partId", ""),
            tool_call_id=event.get("toolCallId", ""),
            tool_name=event.get("toolName", ""),
            started_at=event["ts"],
        )
        self.parts.append(part)
        self.changed.add(part.index)
        return part

    def _open_part(self, event: Event) -> Part:
        for part in reversed(self.parts):
            if part.part_id == event["partId"] and part.type != "tool" and part.is_open:
                return part
        raise ValueError(f"{event['type']} {event['seq']}: no part {event['partId']!r} is open")

    def _tool(self, kind: str, event: Event) -> None:
        part = next((p for p in self.parts if p.tool_call_id == event["toolCallId"]), None)
        if kind == "tool-input-start" or (part is None and kind == "tool-call"):
            part = self._add(event, "tool", "pending")
        if part is None:
            raise ValueError(f"{kind} {event['seq']}: no call {event['toolCallId']!r} is known")
        self.changed.add(part.index)
        if kind == "tool-input-delta":
            part.input_text += event["delta"]
        elif kind == "tool-call":
            part.state, part.input = "running", event["input"]
        elif kind == "tool-result":
            if event["success"]:
                part.output = event.get("output")
                self._close(part, "completed", event)
            else:
                part.error_text = event.get("errorText", "")
                self._close(part, "error", event)

    def _close(self, part: Part, state: str, event: Event) -> None:
        part.state = state
        part.ended_at = event["ts"]
        self.changed.add(part.index)

    def _end(self, kind: str, event: Event) -> None:
        for part in self.parts:
            if part.is_open and part.type == "tool":
                part.error_text = part.error_text or "the answer ended before the tool did"
                self._close(part, "error", event)
            elif part.is_open:
                self._close(part, "done", event)
        self.ended_at = event["ts"]
        if kind == "stream-finish":
            self.status = "finished"
            self.finish_reason = event["finishReason"]
            self.usage = event["usage"]
        elif kind == "stream-stopped":
            self.status, self.finish_reason = "stopped", "stopped"
        elif kind == "stream-error":
            self.status, self.finish_reason = "error", "error"
            self.error_code, self.error_text = event["code"], event["message"]
        else:
            raise ValueError(f"there is no event of type {kind!r}")


def reduce(log: Iterable[Event]) -> StreamState:
    """The state after all these events.

    Raises:
        ValueError: as `StreamState.apply`.
    """
    state = StreamState()
    for event in log:
        state.apply(event)
    return state
