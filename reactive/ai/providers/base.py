"""What a model is asked and how it answers, whoever runs it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from reactive.ai.events import Event, FinishReason, Usage

ErrorCode = Literal[
    "rate_limited",
    "provider_error",
    "provider_auth",
    "provider_disconnect",
    "provider_protocol",
    "overloaded",
    "incomplete",
    "empty_response",
    "timeout_first_token",
    "timeout_between_tokens",
    "timeout_total",
    "storage_error",
    "orphaned",
    "tool_error",
    "invalid_request",
]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called."""

    id: str
    name: str
    input: Any


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool said, as text for the model."""

    call_id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation.

    An assistant's turn may call tools; a `tool` turn has their answers and no text.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: Sequence[ToolCall] = ()
    answers: Sequence[ToolAnswer] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a model. `model` is the provider's own name for it."""

    model: str
    turns: Sequence[Turn]
    system: str | None = None
    tools: Sequence[ToolSpec] = ()
    api_key: str | None = field(default=None, repr=False)
    """Wins over the environment; never stored, logged or shown."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The provider itself has said that its answer is over."""

    finish_reason: FinishReason
    usage: Usage


class ProviderError(Exception):
    """The provider has failed.

    `message` is safe to show: it has no key and no text of the provider's own that could hold one.
    `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


class Provider(Protocol):
    """Where models run."""

    name: str

    def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        """The answer as it is made: the canonical events of text, reasoning and tool calls (no
        `seq`, nothing about attempts or ends), then one `Completed`, the last.

        Closing the iterator closes the connection. Time-outs are the caller's.

        Raises:
            ProviderError: for whatever goes wrong. A stream that ends without the provider's own
                last word is `incomplete`, never a success.
        """
        ...

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        """The whole answer at once, by a request that does not stream.

        Raises:
            ProviderError: for whatever goes wrong.
        """
        ...
