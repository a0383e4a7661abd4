"""The token issuer, small enough to read. A real app would rather use an identity provider."""

import asyncio
import hmac
import secrets
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from functions import users
from functions._tokens import digest_of, new_key, new_token, public_keys
from reactive import ActionCtx, HttpRouter

http = HttpRouter()


class Credentials(BaseModel):
    """What a person signs in with."""

    name: Annotated[str, Field(pattern=r"^\w[\w .-]{0,39}$")]
    password: Annotated[str, Field(min_length=8, max_length=200)]


@http.route("/login/keys")
async def keys(ctx: ActionCtx, request: web.Request) -> web.Response:
    """The public keys, which the server fetches because its settings name this URL."""
    return web.json_response(public_keys(await _signing_key(ctx)))


@http.route("/login", methods=["POST"])
async def login(ctx: ActionCtx, request: web.Request) -> web.Response:
    """A token for a name and its password. Whoever comes first with a name has it."""
    try:
        given = Credentials.model_validate_json(await request.read())
    except ValidationError as error:
        return _refused(400, error.errors(include_url=False)[0]["msg"])
    subject = await _subject(ctx, given)
    if subject is None:
        return _refused(401, "That is not the password of this name.")
    return await _token(ctx, subject, given.name)


@http.route("/login/refresh", methods=["POST"])
async def refresh(ctx: ActionCtx, request: web.Request) -> web.Response:
    """A new token for one that still holds, which the request shows as its bearer token."""
    identity = await ctx.auth.get_user_identity()
    if identity is None:
        return _refused(401, "Sign in first.")
    return await _token(ctx, identity.subject, identity.name or "")


async def _subject(ctx: ActionCtx, given: Credentials) -> str | None:
    """The id of the user, a new one if need be; None when the password is wrong."""
    account = await ctx.run_query(users.find, name=given.name)
    salt = secrets.token_bytes(16) if account is None else account.salt
    # In a thread, as nothing else would run meanwhile.
    digest = await asyncio.to_thread(digest_of, given.password, salt)
    if account is None:
        return await ctx.run_mutation(users.create, name=given.name, salt=salt, digest=digest)
    return account.id if hmac.compare_digest(digest, account.digest) else None


async def _token(ctx: ActionCtx, subject: str, name: str) -> web.Response:
    token = new_token(await _signing_key(ctx), subject=subject, name=name, now=ctx.now)
    return web.json_response({"token": token})


async def _signing_key(ctx: ActionCtx) -> str:
    pem = await ctx.run_query(users.signing_key)
    if pem is not None:
        return pem
    return await ctx.run_mutation(users.keep_signing_key, pem=new_key())


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
