"""HTTP endpoints: for systems and pages that are no Convex clients."""

import asyncio
import hashlib
import hmac
import os
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from functions import deliveries
from reactive import ActionCtx, HttpRouter, cors

SECRET = os.environ.get("WEBHOOK_SECRET", "only for trying out").encode()

http = HttpRouter()


class Event(BaseModel):
    """The body of a webhook call."""

    key: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Annotated[str, Field(min_length=1, max_length=100)]
    data: dict[str, Any] = {}


@http.route("/webhook", methods=["POST"])
async def webhook(ctx: ActionCtx, request: web.Request) -> web.Response:
    """Take an event from a system that knows the secret: `X-Signature` is the body's HMAC."""
    body = await request.read()
    expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Signature", "")):
        return web.json_response({"message": "The signature is wrong."}, status=401)
    try:
        event = Event.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        return web.json_response({"message": f"{where}: {first['msg']}"}, status=400)
    delivery = await ctx.run_mutation(
        deliveries.record, key=event.key, kind=event.kind, data=event.data
    )
    return web.json_response({"id": delivery})


@http.route("/deliveries", cors=cors(origins="*"))
async def newest(ctx: ActionCtx, request: web.Request) -> web.Response:
    """The newest deliveries as JSON, for pages of any origin: `/deliveries?limit=10`."""
    limit = request.query.get("limit", "10")
    if not limit.isdecimal():
        return web.json_response({"message": "limit: a number, please"}, status=400)
    found = await ctx.run_query(deliveries.list_deliveries, limit=int(limit))
    return web.json_response([delivery.model_dump(mode="json") for delivery in found])


@http.route(path_prefix="/deliveries/", cors=cors(origins="*"))
async def one(ctx: ActionCtx, request: web.Request) -> web.Response:
    """One delivery: `/deliveries/<id>`."""
    found = await ctx.run_query(deliveries.get, id=request.match_info["tail"])
    if found is None:
        return web.json_response({"message": "There is no such delivery."}, status=404)
    return web.json_response(found.model_dump(mode="json"))


@http.route("/countdown")
async def countdown(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
    """A text that comes a piece at a time, as the answer of a language model does."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    await response.prepare(request)
    for word in ("Three … ", "two … ", "one … ", "lift-off!"):
        await response.write(word.encode())
        await asyncio.sleep(0.4)
    return response
