"""Two endpoints, one of which fails."""

from aiohttp import web

from reactive import ActionCtx, HttpRouter

http = HttpRouter()


@http.route("/hello", methods=["GET"])
async def hello(ctx: ActionCtx, request: web.Request) -> web.Response:
    print("said hello")
    return web.Response(text="hello")


@http.route("/broken", methods=["GET"])
async def broken(ctx: ActionCtx, request: web.Request) -> web.Response:
    print("about to break")
    raise ValueError("broken on purpose")
