"""The vocabulary of a stream: what may stand in its log, and nothing else.

An event is a JSON object `{seq, type, ts, ...}`: `seq` counts from 1 without gaps in its stream,
`ts` is milliseconds since the epoch, names are the wire's. Here events are made without `seq` and
`ts`; the one writer of a stream adds them. Frozen by `streaming.md` A.2 of the design.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypedDict

Event = dict[str, Any]

FinishReason = Literal[
    "stop", "length", "content-filter", "tool-calls", "refusal", "stopped", "error", "other"
]


class Usage(TypedDict):
    """Tokens of one attempt; cached ones are among the input's, reasoning among the output's."""

    inputTokens: int
    outputTokens: int
    cachedTokens: int
    reasoningTokens: int


TERMINAL: Final = frozenset({"stream-finish", "stream-stopped", "stream-error"})
"""The types of which each stream has one, its last."""

VISIBLE: Final = frozenset({"text-delta", "tool-call", "tool-result"})
"""The types that a reader has seen something of the answer by."""

DELTAS: Final = frozenset({"text-delta", "reasoning-delta", "tool-input-delta"})
"""The types whose neighbours may be joined to one event before they get a number."""

_FIELDS: Final[dict[str, frozenset[str]]] = {
    "stream-start": frozenset({"messageId", "model", "attempt"}),
    "text-start": frozenset({"partId"}),
    "text-delta": frozenset({"partId", "delta"}),
    "text-end": frozenset({"partId"}),
    "reasoning-start": frozenset({"partId"}),
    "reasoning-delta": frozenset({"partId", "delta"}),
    "reasoning-end": frozenset({"partId"}),
    "tool-input-start": frozenset({"toolCallId", "toolName"}),
    "tool-input-delta": frozenset({"toolCallId", "delta"}),
    "tool-call": frozenset({"toolCallId", "toolName", "input"}),
    "tool-result": frozenset({"toolCallId", "success"}),
    "step-finish": frozenset({"usage"}),
    "attempt-reset": frozenset({"from", "to"}),
    "stream-finish": frozenset({"finishReason", "usage"}),
    "stream-stopped": frozenset({"reason", "by"}),
    "stream-error": frozenset({"code", "message", "retryable"}),
}

TYPES: Final = frozenset(_FIELDS)


def usage(
    input_tokens: int = 0, output_tokens: int = 0, cached: int = 0, reasoning: int = 0
) -> Usage:
    """What an attempt has used."""
    return {
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "cachedTokens": cached,
        "reasoningTokens": reasoning,
    }


def add_usage(one: Usage, other: Usage) -> Usage:
    """What two steps have used together."""
    return usage(
        one["inputTokens"] + other["inputTokens"],
        one["outputTokens"] + other["outputTokens"],
        one["cachedTokens"] + other["cachedTokens"],
        one["reasoningTokens"] + other["reasoningTokens"],
    )


def stream_start(message_id: str, model: str, attempt: int) -> Event:
    """An attempt at an answer begins."""
    return {
        "type": "stream-start",
        "messageId": message_id,
        "model": model,
        "attempt": attempt,
    }


def text_start(part_id: str) -> Event:
    """A run of visible text begins."""
    return {"type": "text-start", "partId": part_id}


def text_delta(part_id: str, delta: str) -> Event:
    """More visible text."""
    return {"type": "text-delta", "partId": part_id, "delta": delta}


def text_end(part_id: str) -> Event:
    """The run of text is whole."""
    return {"type": "text-end", "partId": part_id}


def reasoning_start(part_id: str) -> Event:
    """The model begins to think aloud."""
    return {"type": "reasoning-start", "partId": part_id}


def reasoning_delta(part_id: str, delta: str) -> Event:
    """More of its thoughts."""
    return {"type": "reasoning-delta", "partId": part_id, "delta": delta}


def reasoning_end(part_id: str) -> Event:
    """The thought is whole."""
    return {"type": "reasoning-end", "partId": part_id}


def tool_input_start(tool_call_id: str, tool_name: str) -> Event:
    """The model begins to write a tool's arguments."""
    return {"type": "tool-input-start", "toolCallId": tool_call_id, "toolName": tool_name}


def tool_input_delta(tool_call_id: str, delta: str) -> Event:
    """More of the arguments' JSON text."""
    return {"type": "tool-input-delta", "toolCallId": tool_call_id, "delta": delta}


def tool_call(tool_call_id: str, tool_name: str, tool_input: Any) -> Event:
    """The arguments are whole, the tool is called."""
    return {
        "type": "tool-call",
        "toolCallId": tool_call_id,
        "toolName": tool_name,
        "input": tool_input,
    }


def tool_result(tool_call_id: str, *, output: Any = None, error_text: str | None = None) -> Event:
    """The tool has answered, or failed with a text that the model gets to read."""
    event: Event = {
        "type": "tool-result",
        "toolCallId": tool_call_id,
        "success": error_text is None,
    }
    if error_text is None:
        event["output"] = output
    else:
        event["errorText"] = error_text
    return event


def step_finish(used: Usage) -> Event:
    """One request to the provider is over; more may follow after its tools."""
    return {"type": "step-finish", "usage": used}


def attempt_reset(from_attempt: int, to_attempt: int) -> Event:
    """Everything before is void: the answer is asked for again."""
    return {"type": "attempt-reset", "from": from_attempt, "to": to_attempt}


def stream_finish(finish_reason: FinishReason, used: Usage) -> Event:
    """The answer is whole, or was cut for the reason given."""
    return {"type": "stream-finish", "finishReason": finish_reason, "usage": used}


def stream_stopped(reason: str, by: str) -> Event:
    """Somebody has stopped the answer; the text so far stays."""
    return {"type": "stream-stopped", "reason": reason, "by": by}


def stream_error(code: str, message: str, *, retryable: bool) -> Event:
    """The answer has failed; the text so far stays."""
    return {"type": "stream-error", "code": code, "message": message, "retryable": retryable}


def is_terminal(event: Event) -> bool:
    """Whether nothing follows the event."""
    return event["type"] in TERMINAL


def joined(events: Iterable[Event]) -> list[Event]:
    """The same events with neighbouring deltas of one part made one. They have no `seq` yet."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if last is not None and event["type"] in DELTAS and _same_part(last, event):
            found[-1] = {**last, "delta": last["delta"] + event["delta"]}
        else:
            found.append(event)
    return found


def _same_part(one: Event, other: Event) -> bool:
    return (
        one["type"] == other["type"]
        and one.get("partId") == other.get("partId")
        and one.get("toolCallId") == other.get("toolCallId")
    )


def check(event: Event) -> None:
    """Refuses what may not stand in a log.

    Raises:
        ValueError: naming the type or the fields that are wrong.
    """
    wanted = _FIELDS.get(event.get("type", ""))
    if wanted is None:
        raise ValueError(f"there is no event of type {event.get('type')!r}")
    missing = wanted - event.keys()
    if missing:
        raise ValueError(f"{event['type']} lacks {', '.join(sorted(missing))}")
