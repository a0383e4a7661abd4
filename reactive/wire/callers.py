"""Who sends an HTTP request. Source of the headers: Convex's HTTP API."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from reactive.backend import ANYBODY, Backend, Caller
from reactive.errors import CallError, RetryableError


class UnauthenticatedError(CallError):
    """The request names an identity that it cannot prove."""

    default_code = "Unauthenticated"
    http_status = 401


async def proved_caller(backend: Backend, request: web.Request) -> Caller:
    """Who sends the request: `Authorization: Bearer token`, or `Convex key`, or
    `Convex key:identity` with the base64 of a JSON object that an administrator acts as.

    Raises:
        UnauthenticatedError: for a key or a token that proves nothing.
        RetryableError: when a token's issuer cannot be asked for its keys.
    """
    header = request.headers.get("Authorization")
    if header is None:
        key = request.query.get("adminKey")
        return ANYBODY if key is None else _admin(backend, key, None)
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        try:
            return await backend.identify(value)
        except CallError as error:
            raise UnauthenticatedError(error.message, code=error.code) from error
    if scheme.lower() == "convex":
        key, _, encoded = value.rpartition(":")
        identity = _acting_as(encoded) if key else None
        return _admin(backend, value if identity is None else key, identity)
    raise UnauthenticatedError("unknown Authorization scheme", code="InvalidAuthHeader")


async def any_caller(backend: Backend, request: web.Request) -> Caller:
    """As `proved_caller`, but nobody is turned away.

    For HTTP endpoints of a project, whose `Authorization` may be meant for the author's own code. A
    caller who proves nothing runs it all the same; only `ctx.auth.get_user_identity()` raises what
    was wrong (`Caller.problem`), and the endpoint answers with that error's `http_status` and
    `{code, message}` if the author lets it pass.
    """
    try:
        return await proved_caller(backend, request)
    except (UnauthenticatedError, RetryableError) as error:
        return replace(ANYBODY, problem=error)


def _admin(backend: Backend, key: str, acting_as: Mapping[str, Any] | None) -> Caller:
    try:
        return backend.admin(key, acting_as)
    except CallError as error:
        raise UnauthenticatedError(error.message, code=error.code) from error


def _acting_as(text: str) -> dict[str, Any] | None:
    try:
        found = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    return found if isinstance(found, dict) else None
