"""What the HTTP endpoints have in common: their errors, and where a reader goes on."""

import math
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from aiohttp import web

from functions._checks import caller_of, refuse
from reactive import ActionCtx, ApplicationError
from reactive.errors import RetryableError

Handler = Callable[[ActionCtx, web.Request], Awaitable[web.StreamResponse]]

_STATUSES = {
    "unauthenticated": 401,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "too_large": 413,
    "rate_limited": 429,
    "overloaded": 503,
}


def endpoint(handler: Handler) -> Handler:
    """Lets in whom the server knows, and answers errors with `{code, message}`."""

    @wraps(handler)
    async def answered(ctx: ActionCtx, request: web.Request) -> web.StreamResponse:
        try:
            await caller_of(ctx)
            return await handler(ctx, request)
        except ApplicationError as error:
            if not isinstance(error.data, dict) or "code" not in error.data:
                raise
            return _refusal(error.data)
        except RetryableError as error:
            data = {"code": error.code, "message": error.message, "retryAfter": 1}
            return _refusal(data, error.http_status)
        except web.HTTPRequestEntityTooLarge as error:
            return _refusal({"code": "too_large", "message": error.text or "too large"})

    return answered


def _refusal(data: dict[str, Any], status: int | None = None) -> web.Response:
    headers = {}
    if "retryAfter" in data:
        headers["Retry-After"] = str(math.ceil(data["retryAfter"]))
    body = {"code": data["code"], "message": data["message"]}
    status = status or _STATUSES.get(data["code"], 400)
    return web.json_response(body, status=status, headers=headers)


def reading_after(request: web.Request) -> int:
    """The number of the event that a reader had last: the header of an EventSource, or `?after=`.

    Raises:
        ApplicationError: when it is no number.
    """
    text = request.headers.get("Last-Event-ID") or request.query.get("after") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        refuse("invalid_request", f"Last-Event-ID must be an event's number, not {text!r:.80}.")
    return int(text)
