"""Models that need no key and no network: for trying out, for demonstrations, and for tests.

- `echo` answers with the prompt's own words, word by word;
- `story` tells a story of some 400 tokens, 50 in a second;
- `tools` calls two tools at once, then answers with what they said;
- `fail` fails in mid-text;
- `slow` is an echo that needs three seconds to its first token.
"""

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

import orjson

from reactive.ai import events
from reactive.ai.events import Event
from reactive.ai.providers.base import Completed, ProviderError, Request, ToolSpec, Turn
from reactive.ai.providers.parts import Parts, gathered
from reactive.clock import Clock, sleep

MODELS: Final = ("echo", "fail", "slow", "story", "tools")

TOOLS: Final = ("current_time", "count_text")
"""What `tools` calls, if there are tools of these names; else it calls the first two."""

_TOKEN_S = 0.02
_SLOW_S = 3.0
_INPUT_CHARACTERS = 8

_WHO = ("An old sailor", "The youngest heron", "A clockmaker", "The grey cat", "Some miller")
_DOES = ("quietly counted", "carried home", "lost again", "painted", "gave away")
_WHAT = ("seven brass keys", "a letter for nobody", "the last warm bread", "three small lamps")
_WHERE = (
    "under the wooden bridge",
    "beside the frozen harbor",
    "behind the silent mill",
    "at the end of the long road",
    "before the morning bells",
    "between two heavy storms",
    "on the roof of the library",
)
_SENTENCES = 34


class Scripted:
    """A provider without a model."""

    name = "scripted"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        """See `Provider.stream`."""
        if (found := problem(request.model)) is not None:
            raise ProviderError("invalid_request", found)
        for item in _SCRIPTS[request.model](request, Parts(request.turns)):
            if isinstance(item, float):
                await sleep(self._clock, item)
            else:
                yield item

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        """See `Provider.ask`."""
        return gathered([item async for item in self.stream(request)])


def problem(model: str) -> str | None:
    """What is wrong with a model's name."""
    if model in MODELS:
        return None
    return f"scripted has no model {model[:80]!r}, only {', '.join(MODELS)}"


Script = Iterator[Event | Completed | float]
"""What to send, and how many seconds to wait in between."""


def _echo(request: Request, parts: Parts) -> Script:
    yield from _tell(request, parts, _words(_prompt(request)))


def _slow(request: Request, parts: Parts) -> Script:
    yield _SLOW_S
    yield from _echo(request, parts)


def _story(request: Request, parts: Parts) -> Script:
    yield from _tell(request, parts, _words(" ".join(_sentences())))


def _fail(request: Request, parts: Parts) -> Script:
    words = _words(_prompt(request)) or ["So"]
    yield from _say(parts, words[: (len(words) + 1) // 2])
    raise ProviderError("provider_error", "the script says that it fails here", retryable=True)


def _tools(request: Request, parts: Parts) -> Script:
    last = request.turns[-1] if request.turns else Turn("user")
    if last.role == "tool":
        names = {call.id: call.name for turn in request.turns for call in turn.calls}
        told = [f"{names.get(each.call_id, 'a tool')} says: {each.text}" for each in last.answers]
        yield from _tell(request, parts, _words("\n".join(told)))
        return
    tools = _chosen(request.tools)
    if not tools:
        yield from _tell(request, parts, _words("There are no tools to call."))
        return
    inputs: list[list[str]] = []
    for number, tool in enumerate(tools):
        yield from parts.begin_call(number, None, tool.name)
        text = orjson.dumps(_example(tool.parameters, _prompt(request))).decode()
        inputs.append(_pieces(text))
    for pieces in zip_longest(*inputs, fillvalue=""):
        yield _TOKEN_S
        for number, piece in enumerate(pieces):
            yield from parts.write_input(number, piece)
    yield from parts.finish("tool-calls", _usage(request, sum(map(len, inputs))))


_SCRIPTS: Final = {
    "echo": _echo,
    "fail": _fail,
    "slow": _slow,
    "story": _story,
    "tools": _tools,
}


def _say(parts: Parts, words: Sequence[str]) -> Script:
    for word in words:
        yield _TOKEN_S
        yield from parts.say("text", "text", word)


def _tell(request: Request, parts: Parts, words: Sequence[str]) -> Script:
    yield from _say(parts, words)
    yield from parts.finish("stop", _usage(request, len(words)))


def _prompt(request: Request) -> str:
    return next((turn.text for turn in reversed(request.turns) if turn.role == "user"), "")


def _words(text: str) -> list[str]:
    """The words, each with the space after it: joined they are the text again."""
    return re.findall(r"\s*\S+\s*", text)


def _pieces(text: str) -> list[str]:
    step = _INPUT_CHARACTERS
    return [text[at : at + step] for at in range(0, len(text), step)]


def _sentences() -> Iterator[str]:
    lists = (_WHO, _DOES, _WHAT, _WHERE)
    for number in range(_SENTENCES):
        # The lists have different lengths, so that no sentence comes twice.
        yield " ".join(each[number % len(each)] for each in lists) + "."


def _usage(request: Request, made: int) -> events.Usage:
    """A word is a token here."""
    given = sum(len(turn.text.split()) for turn in request.turns)
    return events.usage(given + len((request.system or "").split()), made)


def _chosen(tools: Sequence[ToolSpec]) -> list[ToolSpec]:
    named = [tool for name in TOOLS for tool in tools if tool.name == name]
    return named if len(named) == len(TOOLS) else list(tools[:2])


def _example(schema: dict[str, Any], prompt: str) -> dict[str, Any]:
    """Arguments that fit a tool's schema: what it demands and no more."""
    definitions = schema.get("$defs", {})
    properties = schema.get("properties", {})
    return {
        name: _value(properties[name], definitions, prompt) for name in schema.get("required", ())
    }


def _value(schema: dict[str, Any], definitions: dict[str, Any], prompt: str) -> Any:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    if choices := schema.get("enum"):
        return choices[0]
    if either := schema.get("anyOf"):
        return _value(either[0], definitions, prompt)
    kind = schema.get("type")
    if kind == "object":
        return _example({"$defs": definitions, **schema}, prompt)
    numbers: dict[Any, Any] = {"integer": 1, "number": 1.0, "boolean": True, "array": []}
    return numbers.get(kind, prompt)
