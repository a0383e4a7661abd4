"""Tasks: threads as clients of the older Socket.IO server know them, with more than answers.

Server code tells of a task's status, its terminal and its files here; the sockets that have joined
it get that on whichever path their answers take.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field

from functions import streams
from functions._checks import caller_of, find_thread, own_thread, refuse
from functions._path import Path, path_of
from functions._shown import is_shown, newest_of
from reactive import (
    UNSET,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    internal_mutation,
    internal_query,
)
from reactive.limits import DEFAULT_LIMITS
from schema import Message, Stream, TaskEntry, Thread

STREAMS_SEEN = 20
HISTORY_MAX = 1_000
# A Python client lets go of its socket over a message of 4 MiB.
HISTORY_BYTES_MAX = 3_000_000

Kind = Literal["task-status-updated", "terminal-output", "fs-change"]
STATUSES = {"complete": "COMPLETED", "stopped": "STOPPED", "error": "FAILED"}


class TaskStream(BaseModel):
    """An answer of a task. `status` is the task's own: `RUNNING` until it is over."""

    stream_id: Id[Stream]
    message_id: Id[Message]
    status: str
    error_text: str | None
    is_dismissed: bool
    created_at: float
    changed_at: float

    @property
    def is_open(self) -> bool:
        return self.status == "RUNNING"


class TaskView(BaseModel):
    """All that a task's sockets are told of, except the text: its answers, oldest first."""

    thread_id: Id[Thread]
    variant: str
    path: Path
    streams: list[TaskStream]
    entry_seq: int
    status_seq: int
    status_at: float

    def find(self, stream_id: str) -> TaskStream | None:
        """The answer of a stream, if it is one of the newest."""
        return next((each for each in self.streams if each.stream_id == stream_id), None)


class Since(BaseModel):
    """The last event that a client has of a stream."""

    stream_id: str = Field(alias="streamId")
    seq: int = Field(ge=0)


@internal_query
async def find(ctx: QueryCtx, name: str) -> Id[Thread]:
    """The caller's thread by its id or external id.

    Raises:
        ApplicationError: when there is none.
    """
    return (await _own(ctx, name)).id


async def _own(ctx: QueryCtx | MutationCtx, name: str) -> Thread:
    if not name:
        refuse("invalid_request", "taskId is empty.")
    thread = await find_thread(ctx, name)
    if thread is None:
        refuse("not_found", f"There is no task {name!r:.80}.")
    return thread


@internal_query
async def path(ctx: QueryCtx) -> tuple[str, Path]:
    """The caller's variant of the flag, and the path of his sockets."""
    return await path_of(ctx)


@internal_query
async def look(ctx: QueryCtx, thread_id: Id[Thread]) -> TaskView:
    """What there is to be told of a task; it stands still while text grows.

    Raises:
        ApplicationError: when there is no such thread any more.
    """
    await own_thread(ctx, thread_id)
    variant, path = await path_of(ctx)
    messages = ctx.db.query(Message).with_index("by_thread", thread_id=thread_id)
    found = [
        await _stream(ctx, message, message.stream_id)
        for message in await newest_of(messages, 2 * STREAMS_SEEN)
        if not isinstance(message.stream_id, Unset)
    ]
    entries = ctx.db.query
    last = (
        await entries(TaskEntry).with_index("by_thread", thread_id=thread_id).order("desc").first()
    )
    of_status = entries(TaskEntry).with_index(
        "by_kind", thread_id=thread_id, kind="task-status-updated"
    )
    status = await of_status.order("desc").first()
    return TaskView(
        thread_id=thread_id,
        variant=variant,
        path=path,
        streams=sorted(found, key=lambda each: each.created_at)[-STREAMS_SEEN:],
        entry_seq=0 if last is None else last.seq,
        status_seq=0 if status is None else status.seq,
        status_at=0.0 if status is None else status.creation_time,
    )


async def _stream(ctx: QueryCtx, message: Message, stream_id: Id[Stream]) -> TaskStream:
    stream = await ctx.db.get(stream_id)
    return TaskStream(
        stream_id=stream_id,
        message_id=message.id,
        status=STATUSES.get(message.status, "RUNNING"),
        error_text=None if isinstance(message.error_text, Unset) else message.error_text,
        is_dismissed=not is_shown(message),
        created_at=message.creation_time if stream is None else stream.creation_time,
        changed_at=message.last_updated,
    )


@internal_query
async def entries(
    ctx: QueryCtx, thread_id: Id[Thread], after: int, limit: int
) -> list[dict[str, Any]]:
    """What was told of a task besides its answers, after a seq: `{seq, kind, payload}`."""
    await own_thread(ctx, thread_id)
    rows = ctx.db.query(TaskEntry).with_index(
        "by_thread", lambda q: q.eq("thread_id", thread_id).gt("seq", after)
    )
    return [
        {"seq": row.seq, "kind": row.kind, "payload": row.payload} for row in await rows.take(limit)
    ]


@internal_query
async def history(ctx: QueryCtx, name: str) -> list[Message]:
    """A task's newest messages, as many as one event can hold, oldest first."""
    thread = await _own(ctx, name)
    messages = ctx.db.query(Message).with_index("by_thread", thread_id=thread.id)
    return await newest_of(messages.filter(is_shown), HISTORY_MAX, HISTORY_BYTES_MAX)


@internal_mutation
async def stop(ctx: MutationCtx, name: str) -> None:
    """Stops every answer of a task that is being made."""
    thread = await _own(ctx, name)
    for state in streams.OPEN:
        of_thread = ctx.db.query(Stream).with_index("by_thread", thread_id=thread.id, state=state)
        for stream in await of_thread.collect():
            await ctx.run_mutation(streams.stop, stream_id=stream.id)


# For server code


@internal_mutation
async def set_status(
    ctx: MutationCtx,
    task_id: str,
    status: str,
    timestamp: float | str | Unset = UNSET,
    error_message: str | Unset = UNSET,
) -> None:
    """Tells a task's sockets what becomes of it."""
    payload: dict[str, Any] = {"status": status, "timestamp": _time(ctx, timestamp)}
    if not isinstance(error_message, Unset):
        payload["errorMessage"] = error_message
    await _tell(ctx, task_id, "task-status-updated", payload)


@internal_mutation
async def terminal_output(ctx: MutationCtx, task_id: str, entry: dict[str, Any]) -> None:
    """Tells a task's sockets what its terminal shows: `{data, type, id?, timestamp?}`."""
    if not isinstance(entry.get("data"), str):
        refuse("invalid_request", "entry.data must be a text.")
    if not isinstance(entry.get("type", "stdout"), str):
        refuse("invalid_request", "entry.type must be a text.")
    await _tell(ctx, task_id, "terminal-output", {"entry": {"type": "stdout", **entry}})


@internal_mutation
async def fs_change(
    ctx: MutationCtx,
    task_id: str,
    operation: str,
    file_path: str,
    timestamp: float | str | Unset = UNSET,
    source: str | Unset = UNSET,
    is_directory: bool = False,
) -> None:
    """Tells a task's sockets of a change of its files."""
    payload = {
        "operation": operation,
        "filePath": file_path,
        "timestamp": _time(ctx, timestamp),
        "source": "server" if isinstance(source, Unset) else source,
        "isDirectory": is_directory,
    }
    await _tell(ctx, task_id, "fs-change", payload)


def _time(ctx: MutationCtx, given: float | str | Unset) -> float | str:
    return ctx.now.timestamp() * 1_000 if isinstance(given, Unset) else given


async def _tell(ctx: MutationCtx, task_id: str, kind: Kind, payload: dict[str, Any]) -> None:
    thread_id = (await _task(ctx, task_id)).id
    entries = ctx.db.query
    newest = (
        await entries(TaskEntry).with_index("by_thread", thread_id=thread_id).order("desc").first()
    )
    of_kind = entries(TaskEntry).with_index("by_kind", thread_id=thread_id, kind=kind)
    last = await of_kind.order("desc").first()
    seq = 1 if newest is None else newest.seq + 1
    position = 1 if last is None else last.position + 1
    if kind == "terminal-output":
        # What its sender does not say: a place of its own among the lines, and now.
        known = {"id": position, "timestamp": ctx.now.timestamp() * 1_000}
        payload = {"entry": {**known, **payload["entry"]}}
    await ctx.db.insert(
        TaskEntry(thread_id=thread_id, seq=seq, kind=kind, position=position, payload=payload)
    )
    oldest = position - DEFAULT_LIMITS.task_entries_max
    old = ctx.db.query(TaskEntry).with_index(
        "by_kind", lambda q: q.eq("thread_id", thread_id).eq("kind", kind).lte("position", oldest)
    )
    for entry in await old.collect():
        await ctx.db.delete(entry.id)


async def _task(ctx: MutationCtx, name: str) -> Thread:
    """The thread that server code means: its own user's, or, without a user, anybody's.

    Raises:
        ApplicationError: when there is none, or several users have one of that name.
    """
    if not ctx.settings.auth or await ctx.auth.get_user_identity() is not None:
        await caller_of(ctx)
        return await _own(ctx, name)
    thread_id = await ctx.db.normalize_id(Thread, name)
    thread = None if thread_id is None else await ctx.db.get(thread_id)
    if thread is not None:
        return thread
    named = ctx.db.query(Thread).with_index("by_name", external_id=name)
    found = await named.take(2)
    if len(found) > 1:
        refuse("conflict", f"Several users have a task {name!r:.80}; name it by its id.")
    if not found:
        refuse("not_found", f"There is no task {name!r:.80}.")
    return found[0]
