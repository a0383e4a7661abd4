"""Makes logs as a writer may write them, for tests of what is made of logs."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from reactive.ai import events
from reactive.ai.events import Event

REASONS = ["stop", "length", "content-filter", "tool-calls", "refusal", "stopped", "error", "other"]
TEXTS = st.sampled_from(["", "a", " word", "\n\n", "\r", "data: x\n", "🌍", "\u2028", "\x00"])
JSON: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    TEXTS,
    st.fixed_dictionaries({"jobId": TEXTS}),
    st.lists(st.integers(0, 3), max_size=2),
)


class _Writer:
    """Draws one log, event by event."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.log: list[Event] = []
        self.parts = 0
        self.attempt = 1

    def add(self, event: Event) -> None:
        self.log.append({"seq": len(self.log) + 1, "ts": 1_000.0 + len(self.log), **event})

    def name(self, kind: str) -> str:
        self.parts += 1
        return f"{kind}-{self.parts}"

    def run_of(self, kind: str) -> None:
        """A run of text or thoughts, whole or cut by whatever comes next."""
        part = self.name(kind)
        self.add({"type": f"{kind}-start", "partId": part})
        for delta in self.draw(st.lists(TEXTS, max_size=3)):
            self.add({"type": f"{kind}-delta", "partId": part, "delta": delta})
        if self.draw(st.integers(0, 5)):
            self.add({"type": f"{kind}-end", "partId": part})

    def calls(self) -> list[str]:
        """Tools side by side; gives those whose arguments have become whole."""
        ids = [self.name("call") for _ in range(self.draw(st.integers(0, 3)))]
        whole = []
        for each in ids:
            named = self.draw(st.sampled_from(["start", "no start", "cut"]))
            if named != "no start":
                self.add(events.tool_input_start(each, "look"))
                for delta in self.draw(st.lists(TEXTS, max_size=2)):
                    self.add(events.tool_input_delta(each, delta))
            if named != "cut":
                self.add(events.tool_call(each, "look", self.draw(JSON)))
                whole.append(each)
            elif self.draw(st.booleans()):
                self.add(events.tool_result(each, error_text="bad arguments"))
        return whole

    def step(self, *, speaks: bool) -> None:
        for kind in self.draw(st.lists(st.sampled_from(["text", "reasoning"]), max_size=3)):
            if speaks or kind == "reasoning":
                self.run_of(kind)
        whole = self.calls()
        self.add(events.step_finish(events.usage(1, 2)))
        for each in self.draw(st.permutations(whole)):
            match self.draw(st.sampled_from(["output", "error", "none"])):
                case "output":
                    self.add(events.tool_result(each, output=self.draw(JSON)))
                case "error":
                    self.add(events.tool_result(each, error_text="it failed"))

    def ending(self) -> Event:
        match self.draw(st.sampled_from(["finish", "stopped", "error"])):
            case "finish":
                reason = self.draw(st.sampled_from(REASONS))
                return events.stream_finish(reason, events.usage(1, 2))
            case "stopped":
                return events.stream_stopped("stopped", "ada")
        return events.stream_error("provider_error", "it broke", retryable=True)


@st.composite
def logs(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[Event]:
    """A whole log: attempts that fail before they say anything, one that counts, and an end."""
    writer = _Writer(draw)
    writer.add(events.stream_start("m1", "scripted/any", 1))
    for attempt in range(1, 1 + draw(st.integers(0, 2))):
        for _ in range(draw(st.integers(0, 2))):
            writer.step(speaks=False)
        writer.add(events.attempt_reset(attempt, attempt + 1))
    for _ in range(draw(st.integers(0, 3))):
        writer.step(speaks=True)
    writer.add(writer.ending())
    return writer.log
