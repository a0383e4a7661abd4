"""Asks providers as the generator does, and keeps all that they say."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from reactive.ai.events import Event
from reactive.ai.providers.base import Completed, Provider, ProviderError, Request, ToolSpec, Turn

Find = Callable[[str], tuple[Provider, str]]

WIRES = ("openai", "openai-responses", "anthropic", "openrouter")

ADD = ToolSpec(
    "add",
    "Adds two numbers.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
SHOUT = ToolSpec(
    "shout",
    "Says it louder.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)


@dataclass(slots=True)
class Heard:
    """What came, and how it ended."""

    events: list[Event] = field(default_factory=list)
    completed: Completed | None = None
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        return self._joined("text-delta")

    @property
    def thoughts(self) -> str:
        return self._joined("reasoning-delta")

    @property
    def calls(self) -> list[Any]:
        return [
            (event["toolCallId"], event["toolName"], event["input"])
            for event in self.events
            if event["type"] == "tool-call"
        ]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def _joined(self, kind: str) -> str:
        return "".join(event["delta"] for event in self.events if event["type"] == kind)


def request(model: str, **more: Any) -> Request:
    return Request(model, more.pop("turns", [Turn("user", "Hi!")]), **more)


async def listen(find: Find, wire: str, behavior: str, **more: Any) -> Heard:
    """A streamed answer; the model has the behavior's name."""
    provider, model = find(model_of(wire, behavior))
    heard = Heard()
    try:
        async with aclosing(provider.stream(request(model, **more))) as answer:
            async for item in answer:
                assert heard.completed is None, "nothing follows the last"
                if isinstance(item, Completed):
                    heard.completed = item
                else:
                    heard.events.append(item)
    except ProviderError as error:
        heard.error = error
    return heard


async def ask(find: Find, wire: str, behavior: str, **more: Any) -> Heard:
    """An answer at once."""
    provider, model = find(model_of(wire, behavior))
    try:
        found, completed = await provider.ask(request(model, **more))
    except ProviderError as error:
        return Heard(error=error)
    return Heard(found, completed)


def model_of(wire: str, behavior: str) -> str:
    """The name of the model that behaves so."""
    vendor = "vendor/" if wire == "openrouter" else ""
    return f"{wire}/{vendor}{behavior}"
