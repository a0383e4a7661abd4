"""Which provider a model's name means.

| name | wire | variables |
|---|---|---|
| `openai/MODEL` | Chat Completions | `OPENAI_API_KEY`, `OPENAI_BASE_URL` |
| `openai-responses/MODEL` | the Responses API, for the models that only it has | the same |
| `anthropic/MODEL` | Messages | `ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL` |
| `openrouter/VENDOR/MODEL` | Chat Completions | `OPENROUTER_API_KEY`, `OPENROUTER_BASE_URL` |
| `scripted/MODEL` | none | none |

An SDK takes seconds to load, so it is loaded, in a thread, when it is asked for the first time.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Final

from reactive.ai.events import Event
from reactive.ai.providers import scripted
from reactive.ai.providers.base import Completed, Provider, ProviderError, Request
from reactive.ai.providers.endpoint import endpoint_of
from reactive.clock import Clock
from reactive.errors import ApplicationError

Environment = Mapping[str, str]

_KEY_NAMES: Final = {
    "openai": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "openrouter": "openrouter",
}

PROVIDERS: Final = (*_KEY_NAMES, "scripted")


def provider_of(
    name: str, clock: Clock, environment: Environment = os.environ
) -> tuple[Provider, str]:
    """The provider of a model that is named `provider/model`, and its own name for it.

    Raises:
        ProviderError: `invalid_request`, naming what there is.
    """
    if (problem := _problem(name)) is not None:
        raise ProviderError("invalid_request", problem)
    provider, _, model = name.partition("/")
    if provider == "scripted":
        return scripted.Scripted(clock), model
    return _Lazy(provider, partial(_LOAD[provider], environment)), model


def check_model(name: str) -> None:
    """Refuses a name that no provider's model can have, for functions that take one.

    Raises:
        ApplicationError: `{code: "invalid_request", message}`, naming what there is.
    """
    if (problem := _problem(name)) is not None:
        raise ApplicationError({"code": "invalid_request", "message": problem})


def _problem(name: str) -> str | None:
    provider, slash, model = name.partition("/")
    if not slash or not model or provider not in PROVIDERS:
        return (
            f"{name[:80]!r} names no model: it must be provider/model, the provider one of"
            f" {', '.join(PROVIDERS)}"
        )
    return scripted.problem(model) if provider == "scripted" else None


def key_name(name: str) -> str | None:
    """What `apiKeys` calls the key that a model needs; None when it needs none."""
    return _KEY_NAMES.get(name.partition("/")[0])


class _Lazy:
    """A provider whose SDK is not loaded before it is needed."""

    def __init__(self, name: str, load: Callable[[], Provider]) -> None:
        self.name = name
        self._load = load
        self._loaded: Provider | None = None

    async def _provider(self) -> Provider:
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(self._load)
        return self._loaded

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        """See `Provider.stream`."""
        provider = await self._provider()
        async with aclosing(provider.stream(request)) as answer:
            async for item in answer:
                yield item

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        """See `Provider.ask`."""
        return await (await self._provider()).ask(request)


def _openai_chat(environment: Environment) -> Provider:
    from reactive.ai.providers.openai_chat import OpenAIChat

    return OpenAIChat("openai", endpoint_of("openai", environment))


def _openai_responses(environment: Environment) -> Provider:
    from reactive.ai.providers.openai_responses import OpenAIResponses

    return OpenAIResponses("openai-responses", endpoint_of("openai", environment))


def _anthropic(environment: Environment) -> Provider:
    from reactive.ai.providers.anthropic import Anthropic

    return Anthropic("anthropic", endpoint_of("anthropic", environment))


def _openrouter(environment: Environment) -> Provider:
    from reactive.ai.providers.openrouter import openrouter

    return openrouter(environment)


_LOAD: Final[dict[str, Callable[[Environment], Provider]]] = {
    "openai": _openai_chat,
    "openai-responses": _openai_responses,
    "anthropic": _anthropic,
    "openrouter": _openrouter,
}
