"""A subscription of tRPC 11 over SSE, with tracked ids.

What is sent is one union: `status` (`thinking`, `tool_calling`, `building`), `delta`, `tool_start`,
`tool_result`, `complete` or `error`, and always last, after the commit, `finalized`. Source of the
frames: `sseStreamProducer` of `@trpc/server`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from reactive.ai.dialects.base import SSE_HEADERS, frame
from reactive.ai.events import Event, is_terminal
from reactive.limits import DEFAULT_LIMITS

TYPES: Final = frozenset(
    {
        "status",
        "delta",
        "tool_start",
        "tool_result",
        "complete",
        "error",
        "finalized",
    }
)
"""Every type that is ever sent."""

# Two lost pings: then the client connects again.
_SILENCE_MS: Final = int(3_000 * DEFAULT_LIMITS.reader_idle_s)
_RETURN: Final = b"event: return\ndata: \n\n"
_GONE: Final = "The rest of this answer is not kept any more."

Item = dict[str, Any]


class Trpc:
    """One subscription. Its ids are `12` for the first item that event 12 makes, then `12.1`, …

    It is to be told the log from its beginning; what the client knows by `last_id` is not repeated.
    """

    path: ClassVar[str] = "trpc"
    headers: ClassVar[Mapping[str, str]] = SSE_HEADERS
    keep_alive: ClassVar[bytes] = b"event: ping\ndata: \n\n"
    is_cut = False

    def __init__(self, last_id: str = "") -> None:
        """
        Raises:
            ValueError: for an id that was never given out.
        """
        self._known = _place(last_id)
        self._status = ""
        self._text: list[str] = []
        self._names: dict[str, str] = {}
        self._running: set[str] = set()
        self._job: str | None = None
        self._last: tuple[int, int] = (0, 0)
        self._is_over = False

    def begin(self) -> bytes:
        """See `Dialect`."""
        return frame({"reconnectAfterInactivityMs": _SILENCE_MS}, event="connected")

    def page(self, events: Sequence[Event]) -> bytes:
        """See `Dialect`."""
        frames = [frame(item, id=tracked) for tracked, item in self.items(events)]
        if self._is_over:
            frames.append(_RETURN)
        return b"".join(frames)

    def end(self) -> bytes:
        """See `Dialect`."""
        if self._is_over:
            return b""
        seq = self._last[0] + 1
        items = [{"type": "error", "error": _GONE}, {"type": "finalized", "status": "error"}]
        frames = [frame(item, id=_name(seq, at)) for at, item in enumerate(items)]
        return b"".join(frames) + _RETURN

    def items(self, events: Sequence[Event]) -> Iterator[tuple[str, Item]]:
        """The items of these events that the client does not know, with their ids."""
        for event in events:
            for at, item in enumerate(self._tell(event)):
                self._last = (event["seq"], at)
                if self._last > self._known:
                    yield _name(*self._last), item
            self._is_over = is_terminal(event)

    def _tell(self, event: Event) -> Iterator[Item]:
        kind = event["type"]
        if kind in ("stream-start", "reasoning-start"):
            yield from self._now("thinking")
        elif kind == "attempt-reset":
            self._text.clear()
            self._names.clear()
            self._running.clear()
            yield from self._now("thinking")
        elif kind == "text-delta":
            self._text.append(event["delta"])
            yield {"type": "delta", "content": event["delta"]}
        elif kind in ("tool-input-start", "tool-call"):
            yield from self._tool(event)
        elif kind == "tool-result":
            yield from self._result(event)
        elif is_terminal(event):
            yield from self._end(event)

    def _now(self, status: str) -> Iterator[Item]:
        if status != self._status:
            self._status = status
            yield {"type": "status", "status": status}

    def _tool(self, event: Event) -> Iterator[Item]:
        call, name = event["toolCallId"], event["toolName"]
        if call in self._names:
            return
        self._names[call] = name
        self._running.add(call)
        yield from self._now("tool_calling")
        yield {"type": "tool_start", "name": name}

    def _result(self, event: Event) -> Iterator[Item]:
        call, output = event["toolCallId"], event.get("output")
        self._running.discard(call)
        item = {
            "type": "tool_result",
            "name": self._names.get(call, ""),
            "success": event["success"],
        }
        job = output.get("jobId") if isinstance(output, dict) else None
        if isinstance(job, str):
            # The tool has started something that goes on after the answer.
            self._job = item["jobId"] = job
        yield item
        if not self._running:
            yield from self._now("thinking" if self._job is None else "building")

    def _end(self, event: Event) -> Iterator[Item]:
        text = "".join(self._text)
        if event["type"] == "stream-error":
            yield {"type": "error", "error": event["message"], "finalContent": text}
            yield {"type": "finalized", "status": "error"}
            return
        yield {"type": "complete", "finalContent": text}
        if self._job is None:
            yield {"type": "finalized", "status": "success"}
        else:
            yield {"type": "finalized", "status": "building", "jobId": self._job}


def _name(seq: int, at: int) -> str:
    return f"{seq}.{at}" if at else str(seq)


def _place(id: str) -> tuple[int, int]:
    """Where the item of an id is; before all others for none."""
    seq, _, at = id.partition(".")
    if not id:
        return (0, 0)
    if not all(each.isascii() and each.isdecimal() and len(each) < 16 for each in (seq, at or "0")):
        raise ValueError(f"{id!r:.80} is no id of this subscription")
    return (int(seq), int(at or 0))
