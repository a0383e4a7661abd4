"""Parts of an answer as they grow on any wire, told in the vocabulary of `events`."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal
from uuid import uuid4

import orjson

from reactive.ai import events
from reactive.ai.events import Event, FinishReason, Usage
from reactive.ai.providers.base import Completed, Turn

_CUT: Final = frozenset({"length", "content-filter", "refusal", "stopped", "error"})
"""After these nothing is called: the model might have written more, or else."""


@dataclass(slots=True)
class _Words:
    """An open run of text. `held` is half a character whose other half is still to come."""

    id: str
    kind: Literal["text", "reasoning"]
    held: str = ""


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    input_text: str = ""
    held: str = ""


class Parts:
    """Makes the events of one answer of one provider.

    A part is known by whatever its wire calls it, its key. The ids that leave here are unique in
    the whole stream, of which this answer may be one step: a provider's own ids of calls stay as
    they are, unless an earlier turn has had them.
    """

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self.has_token = False
        self.has_refused = False
        self._prefix = uuid4().hex[:12]
        self._count = 0
        self._words: dict[Hashable, _Words] = {}
        self._calls: dict[Hashable, _Call] = {}
        self._call_ids = {call.id for turn in turns for call in turn.calls}

    def say(self, kind: Literal["text", "reasoning"], key: Hashable, delta: str) -> Iterator[Event]:
        """More text of a part, which begins with it if it has not yet."""
        if not delta:
            return
        words = self._words.get(key)
        if words is None:
            words = self._words[key] = _Words(self._id(kind), kind)
            start = events.text_start if kind == "text" else events.reasoning_start
            yield start(words.id)
        delta, words.held = _whole(words.held + delta)
        if delta:
            self.has_token = True
            more = events.text_delta if kind == "text" else events.reasoning_delta
            yield more(words.id, delta)

    def end(self, key: Hashable) -> Iterator[Event]:
        """A part of text is whole."""
        words = self._words.pop(key, None)
        if words is None:
            return
        is_text = words.kind == "text"
        if words.held:
            yield (events.text_delta if is_text else events.reasoning_delta)(
                words.id, "\N{REPLACEMENT CHARACTER}"
            )
        yield (events.text_end if is_text else events.reasoning_end)(words.id)

    def end_others(self, *keys: Hashable) -> Iterator[Event]:
        """All parts of text are whole but for these."""
        for key in [each for each in self._words if each not in keys]:
            yield from self.end(key)

    def begin_call(self, key: Hashable, call_id: str | None, name: str) -> Iterator[Event]:
        """The model begins to write a tool's arguments."""
        if key in self._calls:
            return
        if not call_id or call_id in self._call_ids:
            call_id = self._id("call")
        self._call_ids.add(call_id)
        self._calls[key] = _Call(call_id, name)
        self.has_token = True
        yield events.tool_input_start(call_id, name)

    def write_input(self, key: Hashable, delta: str) -> Iterator[Event]:
        """More of a tool's arguments.

        Raises:
            LookupError: when the call has not begun.
        """
        call = self._calls[key]
        delta, call.held = _whole(call.held + delta)
        if delta:
            call.input_text += delta
            yield events.tool_input_delta(call.id, delta)

    def input_of(self, key: Hashable) -> str | None:
        """The arguments so far; None when the call has not begun."""
        call = self._calls.get(key)
        return None if call is None else call.input_text

    def finish(self, reason: FinishReason, used: Usage) -> Iterator[Event | Completed]:
        """The provider has said that its answer is over: what is open ends, tools are called.

        A cut answer calls none. Arguments that are no JSON although the model says that they are
        whole are handed on as the text that they are, for the tool to refuse and the model to read.
        """
        yield from self.end_others()
        if reason not in _CUT:
            for call in self._calls.values():
                yield events.tool_call(call.id, call.name, _json(call.input_text))
            if self.has_refused:
                reason = "refusal"
            elif self._calls:
                reason = "tool-calls"
            elif reason == "tool-calls":
                reason = "stop"
        yield Completed(reason, used)

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._prefix}-{self._count}"


def _json(text: str) -> object:
    if not text.strip():
        return {}
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _whole(text: str) -> tuple[str, str]:
    """A text without the half of a character that it may end with, and that half.

    JSON escapes write one character as two halves; some servers cut between them.
    """
    held = ""
    if text and "\ud800" <= text[-1] <= "\udbff":
        text, held = text[:-1], text[-1]
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text, held


def gathered(items: Iterable[Event | Completed]) -> tuple[list[Event], Completed]:
    """An answer that came at once, as `Provider.ask` gives it."""
    found: list[Event] = []
    completed: Completed | None = None
    for item in items:
        if isinstance(item, Completed):
            completed = item
        else:
            found.append(item)
    assert completed is not None, "Parts.finish gives one"
    return found, completed
