"""Answers over HTTP: one log, told to each kind of client in its own words.

`/stream-chat` tells stored events as they are, `/api/chat` talks to the AI SDK's `useChat`,
`/trpc/chat.streamResponse` to a tRPC client, and `/chat` answers when the answer is whole.
`/watchers` says who watches a thread.
"""

from pathlib import Path

from aiohttp import web

from functions import _watching, answers, stream_events, streams
from functions._bodies import (
    Ask,
    Chat,
    Subscription,
    check_body,
    last_prompt,
    read_body,
    read_query,
)
from functions._checks import refuse
from functions._http import endpoint, reading_after
from functions._plain import plain
from functions._watching import Watching
from functions.answers import Found
from functions.messages import Sent
from reactive import ActionCtx, HttpRouter, cors
from reactive.ai import metrics, wait_for_end
from reactive.ai.dialects import AiSdk, Dialect, PlainText, Sse, Trpc
from reactive.ai.http import respond

http = HttpRouter(
    cors=cors(
        expose=[
            "x-stream-id",
            "x-message-id",
            "x-vercel-ai-ui-message-stream",
            "Retry-After",
        ]
    )
)


@http.route("/stream-chat", methods=["POST"])
@endpoint
async def stream_chat(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """Send a prompt and read the answer as it is made."""
    body = await read_body(request, Ask)
    sent = await _ask(ctx, body)
    response, outcome = await respond(
        ctx,
        request,
        stream_events.get_stream_events,
        sent.stream_id,
        _stored(request),
        headers=_names(sent),
    )
    if outcome == "gone" and body.on_disconnect == "cancel":
        await ctx.run_mutation(streams.stop, stream_id=sent.stream_id)
    return response


@http.route(path_prefix="/stream-chat/")
@endpoint
async def resume_stream(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """What follows the event that the client had last. 204 when that was the terminal one."""
    found = await ctx.run_query(answers.find, name=request.match_info["tail"])
    after = reading_after(request)
    if not found.is_open:
        if after > found.last_seq:
            refuse("invalid_request", f"Last-Event-ID: there is no event {after}.")
        page = await ctx.run_query(
            stream_events.get_stream_events, stream_id=found.stream_id, after=after, limit=1
        )
        if not page["events"] and after < found.last_seq:
            refuse("gone", "The events of this stream are not kept any more.")
        if not page["events"]:
            # The one status at which an EventSource does not come again.
            return web.Response(status=204, headers=_names(found))
    response, _ = await respond(
        ctx,
        request,
        stream_events.get_stream_events,
        found.stream_id,
        _stored(request),
        after=after,
        headers=_names(found),
    )
    return response


@http.route(path_prefix="/stream-chat/", methods=["POST"])
@endpoint
async def stop_stream(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """`POST /stream-chat/{streamId}/stop`: the text so far stays."""
    name, slash, verb = request.match_info["tail"].rpartition("/")
    if not slash or verb != "stop":
        refuse("not_found", "There is only POST /stream-chat/{streamId}/stop.")
    found = await ctx.run_query(answers.find, name=name)
    await ctx.run_mutation(streams.stop, stream_id=found.stream_id)
    return web.Response(status=204)


@http.route("/chat", methods=["POST"])
@endpoint
async def chat(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """Send a prompt and get the answer's message when it is whole, whatever has become of it."""
    sent = await _ask(ctx, await read_body(request, Ask))
    await wait_for_end(ctx, stream_events.get_stream_events, sent.stream_id)
    message = await ctx.run_query(streams.message_of, stream_id=sent.stream_id)
    return web.json_response(plain(message.model_dump(by_alias=True)), headers=_names(sent))


@http.route("/api/chat", methods=["POST"])
@endpoint
async def ui_chat(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """What `useChat` sends. A client that goes away does not stop the answer."""
    body = await read_body(request, Chat)
    sent = await _again(ctx, body) if body.trigger == "regenerate-message" else None
    if sent is None:
        prompt, message_id = last_prompt(body)
        sent = await ctx.run_mutation(
            answers.ask,
            thread=body.id,
            prompt=prompt,
            model=body.model,
            system_prompt=body.system_prompt,
            client_message_id=body.client_message_id or message_id,
            creates=True,
        )
    return await _ui(ctx, request, sent, body.ai_sdk)


async def _again(ctx: ActionCtx, body: Chat) -> Sent | None:
    """An answer made anew; None when its question was never received."""
    asked = body.messages[-1].id if body.messages else None
    name = body.message_id or asked
    if not name:
        refuse("invalid_request", "messageId: there is no message to answer again.")
    answer = await ctx.run_query(answers.find_answer, thread=body.id, message=name)
    if answer is None and asked is not None:
        # The client may know an answer that failed early by a name of its own.
        answer = await ctx.run_query(answers.find_answer, thread=body.id, message=asked)
    if answer is None:
        return None
    old = await ctx.run_query(answers.find_by_message, message=answer, thread=body.id)
    if old.is_open:
        await ctx.run_mutation(streams.stop, stream_id=old.stream_id)
        await wait_for_end(ctx, stream_events.get_stream_events, old.stream_id)
    return await ctx.run_mutation(answers.ask_again, message_id=answer, model=body.model)


@http.route(path_prefix="/api/chat/")
@endpoint
async def resume_ui_chat(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """`GET /api/chat/{id}/stream`: the answer that is being made, from its start; 204 for none."""
    tail = request.match_info["tail"]
    name = tail.removesuffix("/stream")
    if name == tail:
        refuse("not_found", "There is only GET /api/chat/{id}/stream.")
    found = await ctx.run_query(answers.find_open, thread=name)
    if found is None:
        return web.Response(status=204)
    return await _ui(ctx, request, found)


async def _ui(
    ctx: ActionCtx, request: web.Request, of: Sent | Found, version: int = 6
) -> web.StreamResponse:
    response, _ = await respond(
        ctx,
        request,
        stream_events.get_stream_events,
        of.stream_id,
        AiSdk(of.stream_id, version),
        headers=_names(of),
    )
    return response


@http.route("/trpc/chat.streamResponse")
@endpoint
async def stream_response(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """A tRPC subscription to an answer, which somebody else has asked for."""
    body = read_query(request, Subscription)
    last_id = request.headers.get("Last-Event-ID") or body.last_event_id or ""
    try:
        dialect = Trpc(last_id)
    except ValueError as error:
        refuse("invalid_request", f"lastEventId: {error}.")
    found = await ctx.run_query(
        answers.find_by_message,
        message=body.assistant_message_id,
        thread=body.project_id,
    )
    response, _ = await respond(
        ctx,
        request,
        stream_events.get_stream_events,
        found.stream_id,
        dialect,
        headers=_names(found),
    )
    return response


@http.route(path_prefix="/watchers/")
@endpoint
async def watchers(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """`GET /watchers/{thread}`: who watches it, live; with `?clientId=` the caller does, too."""
    given = {name: request.query[name] for name in ("clientId", "name") if name in request.query}
    body = check_body(given, Watching, "the query") if given else None
    return await _watching.tell(ctx, request, request.match_info["tail"], body)


@http.route(path_prefix="/watchers/", methods=["POST"])
@endpoint
async def watch_thread(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """`POST /watchers/{thread}`: what a window says of itself, which is soon forgotten."""
    await _watching.note(ctx, request.match_info["tail"], await read_body(request, Watching))
    return web.Response(status=204)


@http.route("/metrics")
async def figures(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """Counts and times for Prometheus. As open as `/healthz`: nobody's data is in them."""
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


@http.route("/trial")
async def trial_page(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """A page that shows `trials:report`, live, to whoever has the admin key. No data is in it."""
    text = Path(__file__).with_name("_trial.html").read_text()
    return web.Response(text=text, content_type="text/html")


async def _ask(ctx: ActionCtx, body: Ask) -> Sent:
    return await ctx.run_mutation(
        answers.ask,
        thread=body.thread_id,
        prompt=body.prompt,
        model=body.model,
        system_prompt=body.system_prompt,
        client_message_id=body.client_message_id,
    )


def _stored(request: web.Request) -> Dialect:
    """The dialect for stored events that a client accepts."""
    accepted = request.headers.get("Accept", "").lower()
    is_plain = "text/plain" in accepted and "text/event-stream" not in accepted
    return PlainText() if is_plain else Sse()


def _names(of: Sent | Found) -> dict[str, str]:
    return {"x-stream-id": str(of.stream_id), "x-message-id": str(of.message_id)}
