"""What the bench reads of the server while it works."""

from aiohttp import web

from reactive import ActionCtx, HttpRouter
from reactive.ai import metrics

http = HttpRouter()


@http.route("/metrics")
async def figures(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})
