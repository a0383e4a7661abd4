"""Events as clients of the older Socket.IO server know them: `stream-chunk` and what follows it.

One stored event makes one chunk at most, so a chunk's place among the others is the same for every
client, whenever it came. Events that only open or close a part make none.
"""

from collections.abc import Iterable
from typing import Any, Final

from reactive.ai.events import Event

Chunk = dict[str, Any]

STOPPED: Final = "stopped"


class SocketIo:
    """The chunks of one stream. It is to be told its events in order, from the first one on."""

    def __init__(self, stream_id: str) -> None:
        self._stream_id = stream_id
        self._tools: dict[str, str] = {}

    def chunks(self, events: Iterable[Event]) -> list[Chunk]:
        """The chunks of these events, each with `streamId` and `seq`."""
        found = []
        for event in events:
            chunk = self._chunk(event)
            if chunk is not None:
                found.append({**chunk, "streamId": self._stream_id, "seq": event["seq"]})
        return found

    def snapshot(self, events: Iterable[Event]) -> list[Chunk]:
        """Of the chunks of these events those that still hold: an attempt that is void has none."""
        found: list[Chunk] = []
        for event in events:
            if event["type"] == "attempt-reset":
                found.clear()
            found += self.chunks([event])
        return found

    def _chunk(self, event: Event) -> Chunk | None:
        kind = event["type"]
        if kind == "text-delta":
            return {"type": "content", "content": event["delta"]}
        if kind == "reasoning-delta":
            return {"type": "reasoning", "reasoning": event["delta"]}
        if kind.startswith("tool-"):
            return self._tool(kind, event)
        if kind == "step-finish":
            return {"type": "usage", "usage": event["usage"]}
        if kind == "stream-finish":
            return {"type": "complete", "finishReason": event["finishReason"]}
        if kind == "stream-stopped":
            return {"type": "complete", "finishReason": STOPPED}
        if kind == "stream-error":
            return {"type": "error", "error": event["message"]}
        return None

    def _tool(self, kind: str, event: Event) -> Chunk:
        call = event["toolCallId"]
        if "toolName" in event:
            self._tools[call] = event["toolName"]
        named = {"id": call, "name": self._tools.get(call, "")}
        if kind == "tool-input-start":
            return {"type": "tool-call-start", "toolCallStart": named}
        if kind == "tool-input-delta":
            delta = {**named, "argsTextDelta": event["delta"]}
            return {"type": "tool-call-delta", "toolCallDelta": delta}
        if kind == "tool-call":
            return {"type": "tool-call", "toolCall": {**named, "args": event["input"]}}
        result = event.get("output") if event["success"] else event.get("errorText", "")
        return {
            "type": "tool-result",
            "toolResult": {"id": call, "result": result, "isValid": event["success"]},
        }


def ending(event: Event, stream_id: str, message_id: str) -> tuple[str, dict[str, Any]]:
    """What a stream's terminal event is told as, after its chunk: the event's name and payload."""
    about: dict[str, Any] = {"streamId": stream_id, "messageId": message_id}
    if event["type"] == "stream-error":
        about |= {
            "error": event["message"],
            "code": event["code"],
            "retryable": event["retryable"],
        }
        return "stream-error", about
    is_stopped = event["type"] == "stream-stopped"
    about |= {
        "stopped": is_stopped,
        "finishReason": STOPPED if is_stopped else event["finishReason"],
    }
    if not is_stopped:
        about["usage"] = event["usage"]
    return "stream-complete", about
