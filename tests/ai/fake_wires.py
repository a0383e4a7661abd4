"""Three wires as a provider speaks them: what an answer's items are in bytes.

An item is a tuple: `("text", words)`, `("thought", words)`, `("call", index, id, name)` or
`("args", index, piece)`. Every wire counts the same tokens: 11 given, 3 of them cached, 7 made, 2
of them thoughts.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

Item = tuple[Any, ...]

ERROR_TEXT = "key sk-secret-of-the-test is not allowed here"
"""What a careless provider writes: nothing of it may ever be shown."""


def sse(data: dict[str, Any] | str, event: str | None = None) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n".encode()


def joined_calls(items: Sequence[Item]) -> list[dict[str, Any]]:
    calls: dict[int, dict[str, Any]] = {}
    for item in items:
        if item[0] == "call":
            calls[item[1]] = {"id": item[2], "name": item[3], "arguments": ""}
        elif item[0] == "args":
            calls[item[1]]["arguments"] += item[2]
    return list(calls.values())


def joined(items: Sequence[Item], kind: str) -> str:
    return "".join(item[1] for item in items if item[0] == kind)


class ChatWire:
    """Chat Completions; OpenRouter's with its own error frame and names."""

    reasons: ClassVar = {
        "stop": "stop",
        "length": "length",
        "filter": "content_filter",
        "tools": "tool_calls",
        "refusal": "stop",
    }

    def __init__(self, model: str, *, is_openrouter: bool) -> None:
        self.model = model
        self.is_openrouter = is_openrouter

    def begin(self) -> bytes:
        hello = b": OPENROUTER PROCESSING\n\n" if self.is_openrouter else b""
        return hello + self._chunk({"role": "assistant", "content": ""})

    def item(self, item: Item) -> bytes:
        match item:
            case ("text", words):
                return self._chunk({"content": words})
            case ("thought", words):
                name = "reasoning" if self.is_openrouter else "reasoning_content"
                return self._chunk({name: words})
            case ("refusal", words):
                return self._chunk({"refusal": words})
            case ("call", index, call_id, name):
                function = {"name": name, "arguments": ""}
                call = {"index": index, "id": call_id, "type": "function", "function": function}
                return self._chunk({"tool_calls": [call]})
            case ("args", index, piece):
                return self._chunk(
                    {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                )
        raise AssertionError(item)

    def reason(self, reason: str) -> bytes:
        return self._chunk({}, self.reasons[reason])

    def end(self, reason: str) -> bytes:
        usage = self._frame([]) | {"usage": self.usage()}
        return self.reason(reason) + sse(usage) + sse("[DONE]")

    def error(self, kind: str) -> bytes:
        if self.is_openrouter:
            code: int | str = 529 if kind == "overloaded" else 502
            choices = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]
            return sse(self._frame(choices) | {"error": {"code": code, "message": ERROR_TEXT}})
        word = "overloaded" if kind == "overloaded" else "server_error"
        return sse({"error": {"message": ERROR_TEXT, "type": word, "code": None}})

    def unknown(self) -> bytes:
        return sse(self._frame([]) | {"object": "chat.weather", "sky": "blue"}, "weather")

    def whole(self, items: Sequence[Item], reason: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": joined(items, "text") or None}
        if thought := joined(items, "thought"):
            message["reasoning"] = thought
        if refusal := joined(items, "refusal"):
            message["refusal"] = refusal
        calls = joined_calls(items)
        if calls:
            message["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": self.reasons[reason]}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage(),
        }

    def failure(self, status: int) -> dict[str, Any]:
        return _failure(status)

    @staticmethod
    def usage() -> dict[str, Any]:
        return {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return sse(self._frame([{"index": 0, "delta": delta, "finish_reason": reason}]))

    def _frame(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self.model,
            "choices": choices,
        }


class ResponsesWire:
    """The Responses API: items by `output_index`, each event with a number."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._number = 0
        self._open: str | None = None
        self._output: list[dict[str, Any]] = []
        self._calls: dict[int, int] = {}

    def begin(self) -> bytes:
        answer = self._answer("in_progress", [])
        return self._event("response.created", response=answer) + self._event(
            "response.in_progress", response=answer
        )

    def item(self, item: Item) -> bytes:
        match item:
            case ("text", words) | ("refusal", words):
                where = {"item_id": "msg_1", "content_index": 0}
                head = self._start("message", {"role": "assistant", "content": []})
                name = "output_text" if item[0] == "text" else "refusal"
                return head + self._event(
                    f"response.{name}.delta",
                    output_index=self._index(),
                    delta=words,
                    logprobs=[],
                    **where,
                )
            case ("thought", words):
                head = self._start("reasoning", {"summary": []})
                return head + self._event(
                    "response.reasoning_summary_text.delta",
                    output_index=self._index(),
                    item_id="rs_1",
                    summary_index=0,
                    delta=words,
                )
            case ("call", index, call_id, name):
                more = {"call_id": call_id, "name": name, "arguments": ""}
                self._open = None
                head = self._start("function_call", more)
                self._calls[index] = self._index()
                self._open = None
                return head
            case ("args", index, piece):
                at = self._calls[index]
                self._output[at]["arguments"] += piece
                return self._event(
                    "response.function_call_arguments.delta",
                    output_index=at,
                    item_id=f"fc_{at}",
                    delta=piece,
                )
        raise AssertionError(item)

    def reason(self, reason: str) -> bytes:
        return b""

    def end(self, reason: str) -> bytes:
        is_cut = reason in ("length", "filter")
        done = b"".join(self._done(at, is_cut) for at in range(len(self._output)))
        kind = "incomplete" if is_cut else "completed"
        answer = self._answer(kind, self._output)
        if is_cut:
            details = {"length": "max_output_tokens", "filter": "content_filter"}[reason]
            answer["incomplete_details"] = {"reason": details}
        return done + self._event(f"response.{kind}", response=answer)

    def error(self, kind: str) -> bytes:
        if kind == "failed":
            answer = self._answer("failed", [])
            answer["error"] = {"code": "server_error", "message": ERROR_TEXT}
            return self._event("response.failed", response=answer)
        code = "server_overloaded" if kind == "overloaded" else "server_error"
        return self._event("error", code=code, message=ERROR_TEXT, param=None)

    def unknown(self) -> bytes:
        return self._event("response.weather.changed", sky="blue")

    def whole(self, items: Sequence[Item], reason: str) -> dict[str, Any]:
        output: list[dict[str, Any]] = []
        if thought := joined(items, "thought"):
            summary = [{"type": "summary_text", "text": thought}]
            output.append({"type": "reasoning", "id": "rs_1", "summary": summary})
        content = [
            {"type": "output_text", "text": text, "annotations": []}
            for text in [joined(items, "text")]
            if text
        ] + [{"type": "refusal", "refusal": text} for text in [joined(items, "refusal")] if text]
        if content:
            output.append(
                {
                    "type": "message",
                    "id": "msg_1",
                    "role": "assistant",
                    "status": "completed",
                    "content": content,
                }
            )
        for number, call in enumerate(joined_calls(items)):
            output.append(
                {
                    "type": "function_call",
                    "id": f"fc_{number}",
                    "call_id": call["id"],
                    "name": call["name"],
                    "arguments": call["arguments"],
                    "status": "completed",
                }
            )
        is_cut = reason in ("length", "filter")
        answer = self._answer("incomplete" if is_cut else "completed", output)
        if is_cut:
            details = {"length": "max_output_tokens", "filter": "content_filter"}[reason]
            answer["incomplete_details"] = {"reason": details}
        return answer

    def failure(self, status: int) -> dict[str, Any]:
        return _failure(status)

    def _index(self) -> int:
        return len(self._output) - 1

    def _start(self, kind: str, more: dict[str, Any]) -> bytes:
        if self._open == kind:
            return b""
        self._open = kind
        self._output.append({"id": f"{kind}_1", "type": kind, "status": "in_progress", **more})
        return self._event(
            "response.output_item.added", output_index=self._index(), item=self._output[-1]
        )

    def _done(self, at: int, is_cut: bool) -> bytes:
        item = self._output[at]
        item["status"] = "incomplete" if is_cut else "completed"
        done = b""
        if item["type"] == "function_call":
            done = self._event(
                "response.function_call_arguments.done",
                output_index=at,
                item_id=f"fc_{at}",
                arguments=item["arguments"],
            )
        return done + self._event("response.output_item.done", output_index=at, item=item)

    def _answer(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        usage = {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 18,
        }
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "model": self.model,
            "status": status,
            "error": None,
            "output": output,
            "usage": usage if status in ("completed", "incomplete") else None,
        }

    def _event(self, kind: str, **more: Any) -> bytes:
        self._number += 1
        return sse({"type": kind, "sequence_number": self._number, **more}, kind)


class MessagesWire:
    """Anthropic's Messages: blocks by index, cumulative usage."""

    reasons: ClassVar = {
        "stop": "end_turn",
        "length": "max_tokens",
        "filter": "content_filter",
        "tools": "tool_use",
        "refusal": "refusal",
    }

    def __init__(self, model: str) -> None:
        self.model = model
        self._open: str | None = None
        self._count = 0
        self._blocks: list[int] = []
        self._calls: dict[int, int] = {}

    def begin(self) -> bytes:
        usage = {
            "input_tokens": 6,
            "cache_creation_input_tokens": 2,
            "cache_read_input_tokens": 3,
            "output_tokens": 1,
        }
        message = self._message([], None) | {"usage": usage}
        return self._event("message_start", message=message) + self._event("ping")

    def item(self, item: Item) -> bytes:
        match item:
            case ("text", words) | ("refusal", words):
                head = self._start({"type": "text", "text": ""})
                return head + self._delta(self._count - 1, type="text_delta", text=words)
            case ("thought", words):
                head = self._start({"type": "thinking", "thinking": "", "signature": ""})
                return head + self._delta(self._count - 1, type="thinking_delta", thinking=words)
            case ("call", index, call_id, name):
                self._calls[index] = self._count
                return self._start({"type": "tool_use", "id": call_id, "name": name, "input": {}})
            case ("args", index, piece):
                return self._delta(self._calls[index], type="input_json_delta", partial_json=piece)
        raise AssertionError(item)

    def reason(self, reason: str) -> bytes:
        stops = b"".join(self._event("content_block_stop", index=at) for at in self._blocks)
        return stops + self._event(
            "message_delta",
            delta={"stop_reason": self.reasons[reason], "stop_sequence": None},
            usage={"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 2}},
        )

    def end(self, reason: str) -> bytes:
        return self.reason(reason) + self._event("message_stop")

    def error(self, kind: str) -> bytes:
        word = "overloaded_error" if kind == "overloaded" else "api_error"
        return self._event("error", error={"type": word, "message": ERROR_TEXT})

    def unknown(self) -> bytes:
        return self._event("weather_changed", sky="blue")

    def whole(self, items: Sequence[Item], reason: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if thought := joined(items, "thought"):
            content.append({"type": "thinking", "thinking": thought, "signature": "s"})
        if text := joined(items, "text") + joined(items, "refusal"):
            content.append({"type": "text", "text": text})
        for call in joined_calls(items):
            given = json.loads(call["arguments"] or "{}")
            content.append(
                {"type": "tool_use", "id": call["id"], "name": call["name"], "input": given}
            )
        usage = {
            "input_tokens": 6,
            "cache_creation_input_tokens": 2,
            "cache_read_input_tokens": 3,
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 2},
        }
        return self._message(content, self.reasons[reason]) | {"usage": usage}

    def failure(self, status: int) -> dict[str, Any]:
        word = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
        error = {"type": word.get(status, "api_error"), "message": ERROR_TEXT}
        return {"type": "error", "error": error}

    def _message(self, content: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
        }

    def _start(self, block: dict[str, Any]) -> bytes:
        kind = block["type"]
        if self._open == kind and kind != "tool_use":
            return b""
        # Text and thoughts end where something else begins; calls may grow side by side.
        stop = b""
        if self._open in ("text", "thinking"):
            stop = self._event("content_block_stop", index=self._blocks.pop())
        self._open = kind
        self._blocks.append(self._count)
        self._count += 1
        return stop + self._event("content_block_start", index=self._count - 1, content_block=block)

    def _delta(self, index: int, **delta: Any) -> bytes:
        return self._event("content_block_delta", index=index, delta=delta)

    def _event(self, kind: str, **more: Any) -> bytes:
        return sse({"type": kind, **more}, kind)


def _failure(status: int) -> dict[str, Any]:
    return {"error": {"message": ERROR_TEXT, "type": None, "code": _WORDS.get(status)}}


Wire = ChatWire | ResponsesWire | MessagesWire

_WORDS = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error"}


def pieces(text: str, count: int) -> Iterator[str]:
    """A text in so many pieces."""
    for number in range(count):
        yield text[len(text) * number // count : len(text) * (number + 1) // count]
