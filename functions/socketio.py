"""Socket.IO for clients of the older server: their events and payloads, told from the same log.

A task is a thread, by its id or external id. What a socket that has joined one is told, and in
which order, is in `_members.py`.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from functions import answers, tasks
from functions._bodies import check_body
from functions._checks import caller_of, refuse
from functions._members import Member, chunks_of, last_seq_of, shown_of, start_of, state_of
from functions._plain import plain
from functions._rooms import TaskRoom
from functions.tasks import Since
from reactive import UNSET, ActionCtx, ApplicationError, Socket, SocketRouter, Unset
from reactive.ai.dialects import SocketIo
from reactive.errors import CallError, RetryableError

socketio = SocketRouter()

Handler = Callable[[ActionCtx, Socket, Any], Awaitable[Any]]


class Body(BaseModel):
    """What every event of a client has."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    task_id: str


class Join(Body):
    """What `join-task` has; `since` is the last event that the client has got.

    `fallback` says that it should be on the other path, and gets nothing there.
    """

    since: Since | None = None
    fallback: bool = False


class UserMessage(Body):
    """What `user-message` has."""

    message: str
    llm_model: str | Unset = UNSET
    client_message_id: str | Unset = UNSET


class HistoryRequest(Body):
    """What `request-history` has: how many chunks the client has already."""

    from_position: int = 0


def answered(handler: Handler) -> Handler:
    """Acknowledges a refusal with `{error: {code, message}}`, and tells it as `message-error`."""

    @wraps(handler)
    async def answer(ctx: ActionCtx, socket: Socket, payload: Any) -> Any:
        try:
            return await handler(ctx, socket, payload)
        except ApplicationError as error:
            if not isinstance(error.data, dict) or "code" not in error.data:
                raise
            refusal = error.data
        except (CallError, RetryableError) as error:
            refusal = {"code": error.code, "message": error.message}
        await socket.emit("message-error", {"error": refusal["message"], "code": refusal["code"]})
        return {"error": refusal}

    return answer


@socketio.on("connect")
async def connect(ctx: ActionCtx, socket: Socket) -> None:
    """Lets in whom the server knows."""
    await caller_of(ctx)
    given = socket.handshake if isinstance(socket.handshake, dict) else {}
    count = given.get("reconnectCount")
    told = {
        "connectionId": socket.id,
        "reconnectCount": count if isinstance(count, int) else 0,
        "timestamp": ctx.now.timestamp() * 1_000,
    }

    async def greet(_: ActionCtx) -> None:
        await socket.emit("connection-info", told)

    socket.start("greeting", greet)


@socketio.on("join-task")
@answered
async def join_task(ctx: ActionCtx, socket: Socket, payload: Any) -> dict[str, Any]:
    """Follow a task from now on, or from the event that the client had last."""
    asked = check_body(payload, Join, "the payload")
    thread_id = await ctx.run_query(tasks.find, name=asked.task_id)
    view = await ctx.run_query(tasks.look, thread_id=thread_id)
    start = await start_of(ctx, view, asked.since, is_fallback=asked.fallback)
    place = f"task {thread_id}"
    room = socket.join(place, lambda: TaskRoom(view))
    socket.start(place, Member(room, socket, asked.task_id, start).run)
    return start.acknowledgement()


@socketio.on("leave-task")
@answered
async def leave_task(ctx: ActionCtx, socket: Socket, payload: Any) -> dict[str, Any]:
    """Follow a task no more."""
    asked = check_body(payload, Body, "the payload")
    thread_id = await ctx.run_query(tasks.find, name=asked.task_id)
    variant, path = await ctx.run_query(tasks.path)
    socket.stop(f"task {thread_id}")
    socket.leave(f"task {thread_id}")
    return {"variant": variant, "path": path}


@socketio.on("user-message")
@answered
async def user_message(ctx: ActionCtx, socket: Socket, payload: Any) -> dict[str, Any]:
    """Send a message and have it answered; whoever has joined the task gets the answer."""
    asked = check_body(payload, UserMessage, "the payload")
    await ctx.run_query(tasks.find, name=asked.task_id)
    sent = await ctx.run_mutation(
        answers.ask,
        thread=asked.task_id,
        prompt=asked.message,
        model=asked.llm_model,
        client_message_id=asked.client_message_id,
    )
    return {"messageId": sent.message_id, "streamId": sent.stream_id}


@socketio.on("stop-stream")
@answered
async def stop_stream(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    """Stop what is being answered; the text so far stays."""
    await ctx.run_mutation(tasks.stop, name=check_body(payload, Body, "the payload").task_id)


@socketio.on("get-chat-history")
@answered
async def get_chat_history(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    """Tell the messages of a task. Whether its answer is complete makes no difference here."""
    asked = check_body(payload, Body, "the payload")

    async def history(ctx: ActionCtx) -> dict[str, Any]:
        found = await ctx.run_query(tasks.history, name=asked.task_id)
        messages = [plain(message.model_dump(by_alias=True)) for message in found]
        return {"taskId": asked.task_id, "messages": messages, "queuedAction": None}

    await _say(ctx, socket, "chat-history", asked.task_id, history)


@socketio.on("request-history")
@answered
async def request_history(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    """Tell the chunks of the newest answer, from a position among them on."""
    asked = check_body(payload, HistoryRequest, "the payload")
    if asked.from_position < 0:
        refuse("invalid_request", "fromPosition must not be negative.")
    thread_id = await ctx.run_query(tasks.find, name=asked.task_id)
    room = socket.room(f"task {thread_id}")
    ask = room.asks.get(socket) if isinstance(room, TaskRoom) else None
    if ask is not None:
        ask(asked.from_position)
        return

    async def state(ctx: ActionCtx) -> dict[str, Any]:
        view = await ctx.run_query(tasks.look, thread_id=thread_id)
        shown = shown_of(view)
        chunks = []
        if shown is not None and view.path == "legacy":
            last_seq = await last_seq_of(ctx, shown.stream_id)
            chunks = await chunks_of(ctx, SocketIo(shown.stream_id), shown.stream_id, last_seq)
        return state_of(chunks, shown, from_position=asked.from_position)

    await _say(ctx, socket, "stream-state", asked.task_id, state)


@socketio.on("heartbeat")
@answered
async def heartbeat(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    """Nothing: Engine.IO has pings of its own. Whoever asks for an acknowledgement gets one."""


async def _say(
    ctx: ActionCtx,
    socket: Socket,
    event: str,
    task_id: str,
    make: Callable[[ActionCtx], Awaitable[dict[str, Any]]],
) -> None:
    """Sends an event of a task now, or as soon as the client has taken what was sent before.

    Asked for again until then it is sent once, as it is at that time.
    """
    if await socket.emit(event, await make(ctx)):
        return

    async def say(ctx: ActionCtx) -> None:
        await socket.drained()
        told = await make(ctx)
        while not await socket.emit(event, told):
            await socket.drained()

    socket.start(f"{event} of {task_id}", say)
