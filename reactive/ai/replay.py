"""Recordings: an answer's events as JSON lines, and the same events told again without a model.

A line is `{"streamId", "seq", "type", "ts", ...}`: a stored event and the stream that it is of.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson

from reactive.ai.answering import Retold, flusher_of
from reactive.ai.events import Event, check, stream_error, stream_stopped
from reactive.ai.reducer import StreamState
from reactive.ai.writer import LostError, StorageFailedError, StreamLog, StreamWriter
from reactive.clock import Clock, timeout
from reactive.runtime.context import ActionCtx

_SHAPE: Final[dict[str, tuple[type, ...]]] = {
    "streamId": (str,),
    "seq": (int,),
    "type": (str,),
    "ts": (int, float),
}


def lines_of(stream_id: str, told: Iterable[Event]) -> str:
    """The recording of a stream whose log this is."""
    return "".join(orjson.dumps({"streamId": stream_id, **each}).decode() + "\n" for each in told)


def read_lines(text: str) -> tuple[str, list[Event]]:
    """The stream that a recording is of, and its events.

    Raises:
        ValueError: naming the line that is wrong, or what is missing.
    """
    stream_id = ""
    told: list[Event] = []
    state = StreamState()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            event = _event_of(orjson.loads(line))
            of = event.pop("streamId")
            if told and of != stream_id:
                raise ValueError(f"it is of another stream, {of!r:.80}")
            state.apply(event)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"line {number}: {error}") from error
        stream_id = of
        told.append(event)
    if not state.is_over:
        raise ValueError("the end of the stream is missing")
    return stream_id, told


def _event_of(found: Any) -> Event:
    if not isinstance(found, dict):
        raise TypeError("it is no JSON object")
    for name, kinds in _SHAPE.items():
        if not isinstance(found.get(name), kinds):
            raise TypeError(f"its {name} is missing, or none")
    check(found)
    return found


def seconds_of(told: Sequence[Event], speed: float) -> float:
    """How long it takes to tell the events at a speed: 1 is theirs, 0 does not wait at all."""
    return max(0.0, told[-1]["ts"] - told[0]["ts"]) / 1e3 / speed if speed else 0.0


async def replay(
    ctx: ActionCtx,
    log: StreamLog,
    told: Sequence[Event],
    *,
    stream_id: str,
    message_id: str,
    speed: float,
) -> Event | None:
    """Writes recorded events into a stream of their own, each when its time has come.

    The events are the recorded ones, cut as they were; only the message, numbers and times are new.
    No model and no tool is asked. Somebody may stop it. Gives the terminal event, or None when the
    stream was ended by somebody else meanwhile, or could not be written.
    """
    writer = StreamWriter(flusher_of(ctx, log), stream_id, message_id)
    writer.merge = _as_recorded
    terminal = _renamed(told[-1], message_id)
    try:
        if not await _tell(writer, ctx.clock, told, speed):
            answer = writer.answer
            terminal = stream_stopped(
                answer.stop_reason or "stopped", answer.stopped_by or "somebody"
            )
        await writer.finish(terminal)
        return terminal
    except asyncio.CancelledError:
        lost = stream_error("orphaned", "the server was stopped", retryable=True)
        await writer.finish(lost)
        raise
    except (LostError, StorageFailedError):
        return None


async def _tell(writer: StreamWriter, clock: Clock, told: Sequence[Event], speed: float) -> bool:
    """Tells all but the last event, and waits until that is due; False once it is to stop."""
    began = clock.monotonic()
    retold = Retold(writer)
    for number, event in enumerate(told):
        wait = began + seconds_of([told[0], event], speed) - clock.monotonic()
        if wait > 0 and not writer.stop_requested.is_set():
            with suppress(TimeoutError):
                async with timeout(clock, wait):
                    await writer.stop_requested.wait()
        if writer.stop_requested.is_set():
            return False
        if number == len(told) - 1:
            break
        await retold.append(_renamed(event, writer.message_id))
    return True


def _as_recorded(events: Iterable[Event]) -> list[Event]:
    """What came as several events stays several, though they are written at once."""
    return [*events]


def _renamed(event: Event, message_id: str) -> Event:
    """A recorded event as its new writer takes it."""
    own = {name: value for name, value in event.items() if name not in ("seq", "ts")}
    return own | {"messageId": message_id} if "messageId" in own else own
