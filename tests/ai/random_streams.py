"""Random streams that a generator could write, of every type of event."""

from typing import Any

from hypothesis import strategies as st

from reactive.ai import events
from reactive.ai.events import Event

ENDS = [
    events.stream_finish("stop", events.usage(3, 2)),
    events.stream_finish("length", events.usage(3, 2, 1, 1)),
    events.stream_stopped("enough", "Ada"),
    events.stream_error("provider_error", "it broke", retryable=True),
]

# Short ones often, and now and then one that fills rows.
TEXTS = st.one_of(
    st.sampled_from(["x", " ", "Grüße", "世界", "👩\u200d👧", "e\u0301", "\x00", '"\\', "\r\n"]),
    st.sampled_from([1, 1_023, 1_024, 1_025, 2_048, 2_600]).map(lambda count: "🌍" * count),
)
JSON: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1.5, "", "é", [], [None, {}], {"a": 1}, {"": [1, "b"]}]
)


class _Writer:
    """Draws the next event from those that are possible."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.found = [events.stream_start("message", "scripted/echo", 1)]
        self.attempt = 1
        self.count = 0
        self.texts: list[tuple[str, str]] = []
        self.pending: list[str] = []
        self.running: list[str] = []

    def step(self) -> None:
        choices: list[Any] = [self._begin_text, self._begin_tool, self._at_once, self._finish_step]
        choices += [self._more_text, self._more_text, self._end_text] if self.texts else []
        choices += [self._more_input, self._call] if self.pending else []
        choices += [self._result] if self.running else []
        choices += [self._reset] if self.attempt < 3 else []
        self.draw(st.sampled_from(choices))()

    def _id(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"

    def _begin_text(self) -> None:
        kind = self.draw(st.sampled_from(["text", "reasoning"]))
        part = self._id(kind)
        self.texts.append((kind, part))
        start = events.text_start if kind == "text" else events.reasoning_start
        self.found.append(start(part))

    def _more_text(self) -> None:
        kind, part = self.draw(st.sampled_from(self.texts))
        more = events.text_delta if kind == "text" else events.reasoning_delta
        self.found.append(more(part, self.draw(TEXTS)))

    def _end_text(self) -> None:
        kind, part = self.draw(st.sampled_from(self.texts))
        self.texts.remove((kind, part))
        end = events.text_end if kind == "text" else events.reasoning_end
        self.found.append(end(part))

    def _begin_tool(self) -> None:
        self.pending.append(self._id("call"))
        self.found.append(events.tool_input_start(self.pending[-1], "add"))

    def _at_once(self) -> None:
        self.running.append(self._id("call"))
        self.found.append(events.tool_call(self.running[-1], "add", self.draw(JSON)))

    def _more_input(self) -> None:
        call = self.draw(st.sampled_from(self.pending))
        self.found.append(events.tool_input_delta(call, self.draw(TEXTS)))

    def _call(self) -> None:
        call = self.draw(st.sampled_from(self.pending))
        self.pending.remove(call)
        self.running.append(call)
        self.found.append(events.tool_call(call, "add", self.draw(JSON)))

    def _result(self) -> None:
        call = self.draw(st.sampled_from(self.running))
        self.running.remove(call)
        if self.draw(st.booleans()):
            self.found.append(events.tool_result(call, output=self.draw(JSON)))
        else:
            self.found.append(events.tool_result(call, error_text=self.draw(TEXTS)))

    def _finish_step(self) -> None:
        self.found.append(events.step_finish(events.usage(1, 2)))

    def _reset(self) -> None:
        self.attempt += 1
        self.found.append(events.attempt_reset(self.attempt - 1, self.attempt))
        self.texts.clear()
        self.pending.clear()
        self.running.clear()


@st.composite
def streams(draw: st.DrawFn, *, is_over: bool | None = None) -> list[Event]:
    """Events without numbers and times; with a terminal one as the last, or not."""
    writer = _Writer(draw)
    for _ in range(draw(st.integers(0, 25))):
        writer.step()
    if is_over or (is_over is None and draw(st.booleans())):
        writer.found.append(draw(st.sampled_from(ENDS)))
    return writer.found


def numbered(found: list[Event]) -> list[Event]:
    """The events as they stand in a log, all of one moment."""
    return [{**event, "seq": seq, "ts": 1_000.0} for seq, event in enumerate(found, 1)]
