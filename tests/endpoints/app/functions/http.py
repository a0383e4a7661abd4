"""Endpoints of every kind."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import WSMsgType, web

from functions import notes
from reactive import ActionCtx, ApplicationError, HttpRouter, cors

http = HttpRouter()


@http.route("/hello")
async def hello(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.query.get('name', 'you')}")


@http.route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
async def echo(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(
        body=await request.read(),
        status=201,
        headers={"X-Method": request.method, "X-Path": request.path},
    )


@http.route("/digest", methods=["POST"])
async def digest(ctx: ActionCtx, request: web.Request) -> web.Response:
    found, size = hashlib.sha256(), 0
    async for chunk in request.content.iter_any():
        found.update(chunk)
        size += len(chunk)
    return web.json_response({"sha256": found.hexdigest(), "size": size})


# Exact paths, prefixes, and the longest of them


@http.route(path_prefix="/tree/")
async def tree(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text=f"tree:{request.match_info['tail']}")


@http.route(path_prefix="/tree/oak/")
async def oak(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text=f"oak:{request.match_info['tail']}")


@http.route("/tree/oak/leaf")
async def leaf(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text=f"leaf:{request.match_info['tail']}")


@http.route("/api/chat", methods=["POST"])
async def chat(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="the author's own /api/chat")


@http.route("/api/query", methods=["POST"])
@http.route("/healthz")
async def shadowed(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="the author's")


@http.route("/page.txt")
async def page(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="from the route")


# The context


@http.route("/notes", methods=["POST"])
async def add_note(ctx: ActionCtx, request: web.Request) -> web.Response:
    text = await request.text()
    await ctx.run_mutation(notes.add, text=text)
    await ctx.scheduler.run_after(0, notes.add, text=f"{text}, later")
    print("a note was added")
    return web.json_response(
        {
            "count": await ctx.run_query("notes:count"),
            "shouted": await ctx.run_action(notes.shout, text="hey"),
            "now": ctx.now.isoformat(),
        }
    )


@http.route("/files", methods=["POST"])
async def keep(ctx: ActionCtx, request: web.Request) -> web.Response:
    file = await ctx.storage.store(request.content.iter_chunked(65_536), request.content_type)
    return web.json_response({"file": file, "url": await ctx.storage.get_url(file)})


@http.route("/who")
async def who(ctx: ActionCtx, request: web.Request) -> web.Response:
    identity = await ctx.auth.get_user_identity()
    return web.Response(text=identity.subject if identity else "nobody")


@http.route("/anybody")
async def anybody(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text=request.headers.get("Authorization", "none"))


# Streams


@http.route("/sse")
async def sse(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(int(request.query.get("count", "3"))):
        text = f"{number} {await ctx.run_query('notes:count')}"
        await response.write(f"id: {number}\ndata: {json.dumps(text)}\n\n".encode())
    return response


@http.route("/lazy")
async def lazy(ctx: ActionCtx, request: web.Request) -> web.Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield f"{await ctx.run_query('notes:count')}\n".encode()

    return web.Response(body=body())


@http.route("/unprepared")
async def unprepared(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    return web.StreamResponse(status=202)


@http.route("/source")
async def source(ctx: ActionCtx, request: web.Request) -> web.FileResponse:
    return web.FileResponse(Path(__file__))


@http.route("/endless")
async def endless(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(b"x" * 1000)
            await asyncio.sleep(0.01)
    except ConnectionError:
        await ctx.run_mutation(notes.add, text=f"{request.query['name']} has left")
        raise


@http.route("/slow")
async def slow(ctx: ActionCtx, request: web.Request) -> web.Response:
    # Longer than aiohttp itself would wait, shorter than the drain time.
    print("slow has begun")
    await asyncio.sleep(2.5)
    return web.Response(text="finished")


@http.route("/socket")
async def socket(ctx: ActionCtx, request: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    async for message in connection:
        if message.type is WSMsgType.TEXT:
            await connection.send_str(f"{message.data} {await ctx.run_query('notes:count')}")
    return connection


# Failures


@http.route("/boom")
async def boom(ctx: ActionCtx, request: web.Request) -> web.Response:
    raise ValueError("the secret is 42")


@http.route("/full")
async def full(ctx: ActionCtx, request: web.Request) -> web.Response:
    await ctx.run_mutation(notes.refuse)
    return web.Response()


@http.route("/own-data")
async def own_data(ctx: ActionCtx, request: web.Request) -> web.Response:
    raise ApplicationError("just so")


@http.route("/gone")
async def gone(ctx: ActionCtx, request: web.Request) -> web.Response:
    raise web.HTTPGone(text="not any more", headers={"X-Since": "yesterday"})


@http.route("/moved")
async def moved(ctx: ActionCtx, request: web.Request) -> web.Response:
    raise web.HTTPFound("/hello")


@http.route("/bad-call")
async def bad_call(ctx: ActionCtx, request: web.Request) -> web.Response:
    await ctx.run_mutation("notes:add", wrong=1)
    return web.Response()


@http.route("/nothing")
async def nothing(ctx: ActionCtx, request: web.Request) -> None:
    return None


@http.route("/a-dict")
async def a_dict(ctx: ActionCtx, request: web.Request) -> dict[str, str]:
    return {"not": "a response"}


@http.route("/breaks")
async def breaks(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"the first half")
    raise ValueError("in the middle")


@http.route("/breaks-with-status")
async def breaks_with_status(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"the first half")
    raise web.HTTPBadRequest


ONCE = web.Response(text="made at the import")


@http.route("/reused")
async def reused(ctx: ActionCtx, request: web.Request) -> web.Response:
    return ONCE


@http.route("/two")
async def two(ctx: ActionCtx, request: web.Request) -> web.Response:
    first = web.StreamResponse()
    await first.prepare(request)
    await first.write(b"the first")
    return web.Response(text="the second")


# CORS, given in each of its places


@http.route("/cors/default", methods=["GET", "POST"], cors=cors())
async def cors_default(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="ok")


@http.route(
    path_prefix="/cors/list/",
    methods=["PUT"],
    cors=cors(
        origins=["https://app.example.com", "http://dev.example.com:*"],
        headers=["X-One", "X-Two"],
        expose=["X-Stream-Id"],
        credentials=True,
        max_age=60,
    ),
)
async def cors_list(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="ok", headers={"Vary": "Accept"})


@http.route("/cors/decorated")
@cors(origins="*")
async def cors_decorated(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="ok")


@cors(origins="*")
@http.route("/cors/decorated-above")
async def cors_above(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="ok")


@http.route("/cors/boom", cors=cors(origins="*"))
async def cors_boom(ctx: ActionCtx, request: web.Request) -> web.Response:
    raise ValueError("boom")


@http.route("/cors/gone", cors=cors(origins="*"))
async def cors_gone(ctx: ActionCtx, request: web.Request) -> web.Response:
    raise web.HTTPGone


@http.route("/cors/sse", cors=cors(origins="*"))
async def cors_sse(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: 1\n\n")
    return response


@http.route("/cors/by-hand", methods=["GET", "OPTIONS"])
async def cors_by_hand(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(headers={"Access-Control-Allow-Origin": "https://by.hand"})


@http.route("/cors/none")
async def cors_none(ctx: ActionCtx, request: web.Request) -> web.Response:
    return web.Response(text="ok")
