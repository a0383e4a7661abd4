"""Messages of the `anthropic` SDK.

Its last word is `message_stop`. The SDK raises for an `error` event with the status of the answer,
200, and lets the exceptions of its HTTP client through.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import anthropic
import orjson
from anthropic.types import (
    Message,
    MessageDeltaUsage,
    RawMessageDeltaEvent,
    RawMessageStreamEvent,
)

from reactive.ai import events
from reactive.ai.events import Event, FinishReason, Usage
from reactive.ai.providers import failures
from reactive.ai.providers.base import Completed, ProviderError, Request, Turn
from reactive.ai.providers.endpoint import Endpoint
from reactive.ai.providers.parts import Parts, gathered
from reactive.ai.providers.transport import RETRIES, TIMEOUT, http_client
from reactive.limits import DEFAULT_LIMITS

_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool-calls",
    "refusal": "refusal",
    # Of gateways in front of other models.
    "content_filter": "content-filter",
}

_OK = 200


class Anthropic:
    """A provider that speaks Messages."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.ignored = 0
        """How many things of the provider's were not understood, and left out."""
        self._endpoint = endpoint

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        """See `Provider.stream`."""
        reader = _Reader(self.name, Parts(request.turns))
        with _guard(self.name, reader.parts):
            async with self._client(request) as sdk:
                answer = await sdk.messages.create(**_body(request), stream=True)
                async with answer, aclosing(_events(answer, reader)) as reading:
                    async for item in reading:
                        yield item
        self.ignored += reader.ignored

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        """See `Provider.ask`."""
        reader = _Reader(self.name, Parts(request.turns))
        with _guard(self.name, reader.parts):
            async with self._client(request) as sdk:
                answer = await sdk.messages.create(**_body(request), stream=False)
            return gathered(reader.whole(answer))

    def _client(self, request: Request) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(
            api_key=self._endpoint.key(request),
            base_url=self._endpoint.url(),
            max_retries=RETRIES,
            timeout=TIMEOUT,
            http_client=http_client(),
        )


@contextmanager
def _guard(name: str, parts: Parts) -> Iterator[None]:
    with failures.network(name, parts):
        try:
            yield
        except anthropic.APITimeoutError as error:
            raise failures.silent(name, error, parts) from None
        except anthropic.APIConnectionError:
            raise failures.disconnected(name) from None
        except anthropic.APIStatusError as error:
            words = (error.type,)
            if error.status_code == _OK:
                raise failures.of_words(name, words) from None
            headers = error.response.headers
            raise failures.of_status(name, error.status_code, words, headers) from None
        except anthropic.APIError:
            raise failures.of_words(name, ()) from None
        except anthropic.AnthropicError as error:
            raise ProviderError(
                "invalid_request", f"{name} cannot be asked so ({type(error).__name__})"
            ) from None


async def _events(
    answer: anthropic.AsyncStream[RawMessageStreamEvent], reader: "_Reader"
) -> AsyncGenerator[Event | Completed, None]:
    is_silent = True
    async for event in answer:
        is_silent = False
        for item in reader.event(event):
            yield item
        if event.type == "message_stop":
            return
    if is_silent:
        raise failures.nothing(reader.name, answer.response.headers.get("content-type", ""))
    raise failures.incomplete(reader.name)


class _Reader:
    """Understands one answer."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name = name
        self.parts = parts
        self.ignored = 0
        self._reason: FinishReason = "other"
        self._used: dict[str, int] = {}
        self._thought = 0

    def event(self, event: Any) -> Iterator[Event | Completed]:
        """Takes an event; the SDK lets through ones that its types do not know."""
        if event.type == "content_block_delta":
            yield from self._delta(event)
        elif event.type == "content_block_start":
            yield from self._content(event.index, event.content_block)
        elif event.type == "content_block_stop":
            yield from self.parts.end(event.index)
        elif event.type == "message_start":
            self._count(event.message.usage)
        elif event.type == "message_delta":
            self._close(event)
        elif event.type == "message_stop":
            yield from self.parts.finish(self._reason, self._usage())
        else:
            self.ignored += 1

    def whole(self, answer: Any) -> Iterator[Event | Completed]:
        """Takes an answer that came at once; the SDK hands a body that is no JSON on as text."""
        if not isinstance(answer, Message) or not isinstance(answer.content, list):
            raise failures.empty(self.name)
        if answer.stop_reason is None:
            raise failures.incomplete(self.name)
        for index, block in enumerate(answer.content):
            yield from self._content(index, block)
            yield from self.parts.end(index)
        self._count(answer.usage)
        self._reason = _REASONS.get(answer.stop_reason, "other")
        yield from self.parts.finish(self._reason, self._usage())

    def _content(self, index: int, block: Any) -> Iterator[Event]:
        if block.type == "text":
            yield from self.parts.say("text", index, block.text or "")
        elif block.type == "thinking":
            yield from self.parts.say("reasoning", index, block.thinking or "")
        elif block.type == "tool_use":
            yield from self.parts.begin_call(index, block.id, block.name)
            if block.input:
                yield from self.parts.write_input(index, orjson.dumps(block.input).decode())
        else:
            self.ignored += 1

    def _delta(self, event: Any) -> Iterator[Event]:
        delta = event.delta
        if delta.type == "text_delta":
            yield from self.parts.say("text", event.index, delta.text)
        elif delta.type == "thinking_delta":
            yield from self.parts.say("reasoning", event.index, delta.thinking)
        elif delta.type == "input_json_delta":
            # Those of a tool that the provider runs itself are nobody's here.
            if self.parts.input_of(event.index) is not None:
                yield from self.parts.write_input(event.index, delta.partial_json)
        elif delta.type not in ("signature_delta", "citations_delta"):
            self.ignored += 1

    def _close(self, event: RawMessageDeltaEvent) -> None:
        if event.delta.stop_reason is not None:
            self._reason = _REASONS.get(event.delta.stop_reason, "other")
        if event.usage is not None:
            self._count(event.usage)

    def _count(self, used: anthropic.types.Usage | MessageDeltaUsage | None) -> None:
        """Takes the counts that are there: they are cumulative, later ones replace earlier."""
        if used is None:
            return
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
        ):
            if (count := getattr(used, name, None)) is not None:
                self._used[name] = count
        if used.output_tokens_details is not None:
            self._thought = used.output_tokens_details.thinking_tokens or 0

    def _usage(self) -> Usage:
        """Anthropic counts cached tokens beside the input's, others among them."""
        count = self._used.get
        cached = count("cache_read_input_tokens", 0)
        return events.usage(
            count("input_tokens", 0) + count("cache_creation_input_tokens", 0) + cached,
            count("output_tokens", 0),
            cached,
            self._thought,
        )


def _body(request: Request) -> dict[str, Any]:
    system = [request.system or "", *(t.text for t in request.turns if t.role == "system")]
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": DEFAULT_LIMITS.answer_tokens_max,
        "messages": [
            {"role": "assistant" if turn.role == "assistant" else "user", "content": content}
            for turn in request.turns
            if turn.role != "system" and (content := _blocks(turn))
        ],
    }
    if text := "\n\n".join(each for each in system if each):
        body["system"] = text
    if request.tools:
        body["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": tool.parameters,
            }
            for tool in request.tools
        ]
    return body


def _blocks(turn: Turn) -> list[dict[str, Any]]:
    """A turn's content; empty texts are refused by the API."""
    blocks: list[dict[str, Any]] = [
        {
            "type": "tool_result",
            "tool_use_id": answer.call_id,
            "content": answer.text,
            "is_error": answer.is_error,
        }
        for answer in turn.answers
    ]
    if turn.text.strip():
        blocks.append({"type": "text", "text": turn.text})
    blocks += [
        {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            # Only objects are allowed here, whatever the model has written.
            "input": call.input if isinstance(call.input, dict) else {"input": call.input},
        }
        for call in turn.calls
    ]
    return blocks
