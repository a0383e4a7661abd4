"""What endpoints call."""

from reactive import (
    ActionCtx,
    ApplicationError,
    MutationCtx,
    QueryCtx,
    internal_action,
    internal_mutation,
    internal_query,
    mutation,
    query,
)
from schema import Note


@mutation
async def add(ctx: MutationCtx, text: str) -> None:
    await ctx.db.insert(Note(text=text))


@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[str]:
    return [note.text async for note in ctx.db.query(Note)]


@internal_query
async def count(ctx: QueryCtx) -> int:
    return len(await ctx.db.query(Note).collect())


@internal_mutation
async def refuse(ctx: MutationCtx) -> None:
    raise ApplicationError({"reason": "full", "left": 0})


@internal_action
async def shout(ctx: ActionCtx, text: str) -> str:
    await ctx.run_mutation(add, text=text.upper())
    return text.upper()
