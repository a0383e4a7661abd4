"""The deliveries as pages see them, live, and as the webhook writes them."""

from typing import Any

from reactive import Id, MutationCtx, QueryCtx, internal_mutation, query
from schema import Delivery

LISTED_MAX = 50


@query(name="list")
async def list_deliveries(ctx: QueryCtx, limit: int = LISTED_MAX) -> list[Delivery]:
    """The newest deliveries."""
    return await ctx.db.query(Delivery).order("desc").take(max(0, min(limit, LISTED_MAX)))


@query
async def get(ctx: QueryCtx, id: str) -> Delivery | None:
    """The delivery of an id; None for a text that is the id of none."""
    known = await ctx.db.normalize_id(Delivery, id)
    return None if known is None else await ctx.db.get(known)


@internal_mutation
async def record(ctx: MutationCtx, key: str, kind: str, data: dict[str, Any]) -> Id[Delivery]:
    """Keep a delivery, once however often it is sent."""
    known = await ctx.db.query(Delivery).with_index("by_key", key=key).unique()
    if known is not None:
        return known.id
    return await ctx.db.insert(Delivery(key=key, kind=kind, data=data))
