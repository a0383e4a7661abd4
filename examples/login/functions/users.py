"""What the issuer remembers; all of it internal, so that no client can read or write it."""

from pydantic import BaseModel

from reactive import MutationCtx, QueryCtx, internal_mutation, internal_query
from schema import SigningKey, User


class Account(BaseModel):
    """What a password is compared with."""

    id: str
    salt: bytes
    digest: bytes


@internal_query
async def find(ctx: QueryCtx, name: str) -> Account | None:
    """The account of a name, if somebody has it."""
    user = await ctx.db.query(User).with_index("by_name", name=name).unique()
    return None if user is None else Account(id=user.id, salt=user.salt, digest=user.digest)


@internal_mutation
async def create(ctx: MutationCtx, name: str, salt: bytes, digest: bytes) -> str | None:
    """A new user's id; None when another was quicker and has the name."""
    if await ctx.db.query(User).with_index("by_name", name=name).unique() is not None:
        return None
    return await ctx.db.insert(User(name=name, salt=salt, digest=digest))


@internal_query
async def signing_key(ctx: QueryCtx) -> str | None:
    """The key as PEM, if one was made."""
    key = await ctx.db.query(SigningKey).first()
    return None if key is None else key.pem


@internal_mutation
async def keep_signing_key(ctx: MutationCtx, pem: str) -> str:
    """Keep a new key, unless another was quicker; gives the one that holds."""
    key = await ctx.db.query(SigningKey).first()
    if key is not None:
        return key.pem
    await ctx.db.insert(SigningKey(pem=pem))
    return pem
