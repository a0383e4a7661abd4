"""A list of things to do, which everybody who looks at it shares."""

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Todo

TEXT_LENGTH_MAX = 200
LISTED_MAX = 500


@query(name="list")
async def list_todos(ctx: QueryCtx) -> list[Todo]:
    """All of them, newest first."""
    return await ctx.db.query(Todo).order("desc").take(LISTED_MAX)


@mutation
async def add(ctx: MutationCtx, text: str) -> Id[Todo]:
    """Put something on the list."""
    text = text.strip()
    if not 0 < len(text) <= TEXT_LENGTH_MAX:
        raise ApplicationError(
            {"code": "bad_text", "message": f"Write 1 to {TEXT_LENGTH_MAX} characters."}
        )
    return await ctx.db.insert(Todo(text=text))


@mutation
async def set_done(ctx: MutationCtx, id: Id[Todo], is_done: bool) -> None:
    """Tick it, or take the tick away. Nothing happens when somebody has deleted it meanwhile.

    "Set" and not "toggle": two who tick the same thing at once mean the same.
    """
    if await ctx.db.get(id) is not None:
        await ctx.db.patch(id, is_done=is_done)


@mutation
async def remove(ctx: MutationCtx, id: Id[Todo]) -> None:
    """Take it off the list, if it is still there."""
    if await ctx.db.get(id) is not None:
        await ctx.db.delete(id)


@mutation
async def remove_done(ctx: MutationCtx) -> int:
    """Take everything off the list that is done; tells how many these were."""
    done = await ctx.db.query(Todo).with_index("by_done", is_done=True).collect()
    for todo in done:
        await ctx.db.delete(todo.id)
    return len(done)
