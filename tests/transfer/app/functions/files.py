"""Files, kept and found again."""

from typing import Any

from reactive import ActionCtx, Id, MutationCtx, QueryCtx, action, mutation, query


@action
async def keep(ctx: ActionCtx, data: bytes, content_type: str | None = None) -> Id[Any]:
    return await ctx.storage.store(data, content_type)


@action
async def read(ctx: ActionCtx, file: Id["_storage"]) -> bytes | None:
    found = await ctx.storage.get(file)
    return None if found is None else await found.read()


@query
async def url(ctx: QueryCtx, file: Id["_storage"]) -> str | None:
    return await ctx.storage.get_url(file)


@mutation
async def remove(ctx: MutationCtx, file: Id["_storage"]) -> None:
    await ctx.storage.delete(file)
