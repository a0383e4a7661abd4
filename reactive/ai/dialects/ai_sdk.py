"""The UI message stream of the npm package `ai`, in the chunks that its versions 6 and 7 both know.

Any other type of chunk ends a chat with an error. Source: `uiMessageChunkSchema` of the package.
Version 7 can take back what it was told (`reset-step`), version 6 cannot; what a browser sends is
the same, so a client says which it is, and is taken for version 6 if it does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from reactive.ai.dialects.base import COMMENT, SSE_HEADERS, frame
from reactive.ai.events import Event, is_terminal

CHUNKS: Final = frozenset(
    {
        "start",
        "start-step",
        "text-start",
        "text-delta",
        "text-end",
        "reasoning-start",
        "reasoning-delta",
        "reasoning-end",
        "tool-input-start",
        "tool-input-delta",
        "tool-input-available",
        "tool-input-error",
        "tool-output-available",
        "tool-output-error",
        "finish-step",
        "finish",
        "abort",
        "error",
    }
)
"""Every type that is ever sent to a client that does not say what it knows."""

RESET_SINCE: Final = 7
"""The version that knows `reset-step`: all parts of the present step are void."""

_REASONS: Final = {
    "stop": "stop",
    "length": "length",
    "content-filter": "content-filter",
    "tool-calls": "tool-calls",
    # As the SDK's own providers call it.
    "refusal": "content-filter",
    "error": "error",
}

_UNFINISHED: Final = "The answer ended before the tool did."
_ASKED_AGAIN: Final = "The model was asked again."
_GONE: Final = "The rest of this answer is not kept any more."

Chunk = dict[str, Any]


class AiSdk:
    """One assistant message. It is always told from the first event on: `start` begins it anew."""

    path: ClassVar[str] = "ai-sdk"
    headers: ClassVar[Mapping[str, str]] = {
        **SSE_HEADERS,
        "x-vercel-ai-ui-message-stream": "v1",
    }
    keep_alive: ClassVar[bytes] = COMMENT
    is_cut = False

    def __init__(self, stream_id: str, version: int = 6) -> None:
        self._stream_id = stream_id
        self._can_reset = version >= RESET_SINCE
        self._has_started = False
        self._is_over = False
        self._in_step = False
        self._step_is_done = False
        self._steps = 0
        """Of the present attempt, those that have begun."""
        self._open: dict[str, str] = {}
        """Runs of text and reasoning that have begun: part id to `text` or `reasoning`."""
        self._calls: dict[str, str] = {}
        """Tools without a result: call id to name."""
        self._called: set[str] = set()
        """Those of them whose arguments are whole."""

    def begin(self) -> bytes:
        """See `Dialect`."""
        return b""

    def page(self, events: Sequence[Event]) -> bytes:
        """See `Dialect`."""
        return b"".join(frame(chunk) for chunk in self.chunks(events)) + self._done()

    def end(self) -> bytes:
        """See `Dialect`."""
        if self._is_over:
            return b""
        self._is_over = True
        chunks = [*self._close(_UNFINISHED), {"type": "error", "errorText": _GONE}]
        return b"".join(map(frame, chunks)) + self._done()

    def _done(self) -> bytes:
        return b"data: [DONE]\n\n" if self._is_over else b""

    def chunks(self, events: Sequence[Event]) -> Iterator[Chunk]:
        """The chunks of these events."""
        if not self._has_started:
            events = _last_attempt(events)
        for event in events:
            yield from self._tell(event)
            self._is_over = is_terminal(event)

    def _tell(self, event: Event) -> Iterator[Chunk]:
        kind = event["type"]
        if kind == "stream-start":
            yield from self._start(event)
        elif kind.startswith(("text-", "reasoning-")):
            yield from self._say(kind, event)
        elif kind == "tool-result":
            yield from self._result(event)
        elif kind.startswith("tool-"):
            yield from self._tool(kind, event)
        elif kind == "step-finish":
            # The results of its tools belong to it and are yet to come.
            self._step_is_done = True
        elif kind == "attempt-reset":
            yield from self._reset()
        else:
            yield from self._end(kind, event)

    def _start(self, event: Event) -> Iterator[Chunk]:
        if not self._has_started:
            self._has_started = True
            about = {"streamId": self._stream_id, "model": event["model"]}
            yield {"type": "start", "messageId": event["messageId"], "messageMetadata": about}
        yield from self._enter_step()

    def _enter_step(self) -> Iterator[Chunk]:
        if self._step_is_done:
            yield from self._leave_step()
        if not self._in_step:
            self._in_step = True
            self._steps += 1
            yield {"type": "start-step"}

    def _leave_step(self) -> Iterator[Chunk]:
        self._step_is_done = False
        if self._in_step:
            self._in_step = False
            yield {"type": "finish-step"}

    def _say(self, kind: str, event: Event) -> Iterator[Chunk]:
        part, what = event["partId"], kind.partition("-")[0]
        if kind.endswith("-start"):
            yield from self._enter_step()
            self._open[part] = what
            yield {"type": kind, "id": part}
        elif kind.endswith("-delta"):
            yield {"type": kind, "id": part, "delta": event["delta"]}
        else:
            self._open.pop(part, None)
            yield {"type": kind, "id": part}

    def _tool(self, kind: str, event: Event) -> Iterator[Chunk]:
        call = event["toolCallId"]
        if call not in self._calls:
            yield from self._enter_step()
            self._calls[call] = event["toolName"]
        named = {"toolCallId": call, "toolName": self._calls[call]}
        if kind == "tool-input-start":
            yield {"type": kind, **named}
        elif kind == "tool-input-delta":
            yield {"type": kind, "toolCallId": call, "inputTextDelta": event["delta"]}
        else:
            self._called.add(call)
            yield {"type": "tool-input-available", **named, "input": event["input"]}

    def _result(self, event: Event) -> Iterator[Chunk]:
        call = event["toolCallId"]
        if not event["success"]:
            yield self._failure(call, event.get("errorText", ""))
            return
        self._calls.pop(call, None)
        self._called.discard(call)
        yield {
            "type": "tool-output-available",
            "toolCallId": call,
            "output": event.get("output"),
        }

    def _failure(self, call: str, text: str) -> Chunk:
        name = self._calls.pop(call, "")
        failed = {"toolCallId": call, "errorText": text}
        if call in self._called:
            self._called.discard(call)
            return {"type": "tool-output-error", **failed}
        return {"type": "tool-input-error", "toolName": name, "input": None, **failed}

    def _close(self, why: str) -> Iterator[Chunk]:
        """Ends whatever is open, and the step."""
        for part, what in self._open.items():
            yield {"type": f"{what}-end", "id": part}
        self._open.clear()
        for call in list(self._calls):
            yield self._failure(call, why)
        yield from self._leave_step()

    def _reset(self) -> Iterator[Chunk]:
        """Takes an attempt back, or ends what cannot be taken back."""
        if self._can_reset and self._in_step and self._steps == 1:
            self._open.clear()
            self._calls.clear()
            self._called.clear()
            self._step_is_done = False
            yield {"type": "reset-step"}
        else:
            yield from self._close(_ASKED_AGAIN)
            self._steps = 0

    def _end(self, kind: str, event: Event) -> Iterator[Chunk]:
        yield from self._close(_UNFINISHED)
        if kind == "stream-finish":
            yield {
                "type": "finish",
                "finishReason": _REASONS.get(event["finishReason"], "other"),
                "messageMetadata": {"usage": event["usage"]},
            }
        elif kind == "stream-stopped":
            yield {"type": "abort", "reason": event["reason"]}
        else:
            yield {"type": "error", "errorText": event["message"]}


def _last_attempt(events: Sequence[Event]) -> Sequence[Event]:
    """Whoever comes late is not told of attempts that are void already."""
    resets = [at for at, event in enumerate(events) if event["type"] == "attempt-reset"]
    if not resets:
        return events
    return [*(event for event in events[:1] if event["seq"] == 1), *events[resets[-1] + 1 :]]
