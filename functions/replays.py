"""Answers that are recorded, and told again as they came: `reactive stream export` and `replay`.

For server code only. A replay asks no model, runs no tool and uses no tokens; its message and its
stream say `replay` where others name their model, and the stream says what it is a replay of.
"""

from pydantic import BaseModel

from functions import _log, stream_events, streams
from functions._beginning import add_answer, next_order
from functions._checks import LOCAL_USER, refuse
from reactive import (
    UNSET,
    ActionCtx,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    internal_action,
    internal_mutation,
    internal_query,
)
from reactive.ai.events import Event
from reactive.ai.replay import lines_of, read_lines, replay, seconds_of
from reactive.limits import DEFAULT_LIMITS
from schema import Message, Stream, Thread

MODEL = "replay"


class Begun(BaseModel):
    """A replay that may be played."""

    thread_id: Id[Thread]
    message_id: Id[Message]
    stream_id: Id[Stream]


@internal_action
async def record(ctx: ActionCtx, stream_id: str) -> str:
    """The events of an answer that is over, as JSON lines.

    Raises:
        ApplicationError: when there is no such stream, it is not over, or its log is not kept.
    """
    own_id = await ctx.run_query(find_finished, name=stream_id)
    told = await stream_events.whole_log(ctx, own_id)
    if not told:
        refuse("gone", f"The events of the stream {stream_id!r:.80} are not kept any more.")
    return lines_of(stream_id, told)


@internal_query
async def find_finished(ctx: QueryCtx, name: str) -> Id[Stream]:
    """The stream of this id.

    Raises:
        ApplicationError: when there is none, or it is not over.
    """
    stream_id = await ctx.db.normalize_id(Stream, name)
    stream = None if stream_id is None else await ctx.db.get(stream_id)
    if stream is None:
        refuse("not_found", f"There is no stream {name!r:.80}.")
    if stream.state in streams.OPEN:
        refuse("conflict", f"The answer of the stream {name!r:.80} is still being made.")
    return stream.id


@internal_mutation
async def begin(
    ctx: MutationCtx,
    replay_of: str,
    thread: str | Unset = UNSET,
    user_id: str | Unset = UNSET,
) -> Begun:
    """Make the message and the stream of a replay, which has to be played within half a minute.

    `thread` is an id or an external id; without it a new thread is made, which is `user_id`'s.

    Raises:
        ApplicationError: when there is no such thread, or nobody to make one for.
    """
    place = await _thread(ctx, replay_of, thread, user_id)
    order = await next_order(ctx, place.id)
    message, stream = await add_answer(
        ctx, place.id, order, place.owner, MODEL, replay_of=replay_of
    )
    return Begun(thread_id=place.id, message_id=message, stream_id=stream)


async def _thread(
    ctx: MutationCtx, replay_of: str, name: str | Unset, user_id: str | Unset
) -> Thread:
    if isinstance(name, Unset):
        if isinstance(user_id, Unset) and ctx.settings.auth:
            refuse("invalid_request", "thread, userId: one must say whose replay it is.")
        owner = LOCAL_USER if isinstance(user_id, Unset) else user_id
        made = await ctx.db.insert(Thread(owner=owner, title=f"Replay of {replay_of:.60}"))
        found = await ctx.db.get(made)
        assert found is not None
        return found
    thread_id = await ctx.db.normalize_id(Thread, name)
    known = None if thread_id is None else await ctx.db.get(thread_id)
    if known is None:
        known = await ctx.db.query(Thread).with_index("by_name", external_id=name).first()
    if known is None:
        refuse("not_found", f"There is no thread {name!r:.80}.")
    return known


@internal_action
async def play(ctx: ActionCtx, stream_id: Id[Stream], log: str, speed: float = 1.0) -> str | None:
    """Tell a recording (JSON lines) in the stream of a replay, `speed` times as fast as it came.

    With a speed of 0 nothing waits. Gives the type of the last event; None when somebody else has
    ended the stream meanwhile.

    Raises:
        ApplicationError: when the recording or the speed is none, or the stream is no replay that
            waits to be played.
    """
    told = _told(log, speed)
    message_id = await ctx.run_mutation(take, stream_id=stream_id)
    last = await replay(
        ctx, _log.AppLog(ctx), told, stream_id=stream_id, message_id=message_id, speed=speed
    )
    return None if last is None else str(last["type"])


def _told(log: str, speed: float) -> list[Event]:
    if not 0 <= speed < float("inf"):
        refuse("invalid_request", f"speed: it must be 0 or more, not {speed}.")
    try:
        _, told = read_lines(log)
    except ValueError as error:
        refuse("invalid_request", f"log: {error}.")
    seconds, most = seconds_of(told, speed), DEFAULT_LIMITS.action_time_s
    if seconds > most:
        refuse("invalid_request", f"speed: it would take {seconds:,.0f} s, {most:,.0f} s at most.")
    return told


@internal_mutation
async def take(ctx: MutationCtx, stream_id: Id[Stream]) -> Id[Message]:
    """Take the lease of a replay's stream; gives its message.

    Raises:
        ApplicationError: when it is no replay, or was played before.
    """
    stream = await ctx.db.get(stream_id)
    if stream is None or isinstance(stream.replay_of, Unset):
        refuse("not_found", f"There is no replay {stream_id!r:.80}.")
    if stream.state != "pending":
        refuse("conflict", f"The replay {stream_id!r:.80} was played before.")
    await streams.take(ctx, stream)
    return stream.message_id
