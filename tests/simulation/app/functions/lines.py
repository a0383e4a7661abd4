"""Lists that are appended to."""

from reactive import MutationCtx, PaginationOptions, PaginationResult, QueryCtx, mutation, query
from schema import Line


@query
async def texts(ctx: QueryCtx, list_name: str) -> list[str]:
    lines = ctx.db.query(Line).with_index("by_place", list_name=list_name)
    return [line.text for line in await lines.collect()]


@query
async def last(ctx: QueryCtx, list_name: str) -> str | None:
    line = (
        await ctx.db.query(Line).with_index("by_place", list_name=list_name).order("desc").first()
    )
    return None if line is None else line.text


@query
async def page(ctx: QueryCtx, list_name: str, options: PaginationOptions) -> PaginationResult[Line]:
    return await ctx.db.query(Line).with_index("by_place", list_name=list_name).paginate(options)


async def add_line(ctx: MutationCtx, list_name: str, text: str) -> int:
    lines = ctx.db.query(Line).with_index("by_place", list_name=list_name)
    last_line = await lines.order("desc").first()
    place = 1 if last_line is None else last_line.place + 1
    await ctx.db.insert(Line(list_name=list_name, place=place, text=text))
    return place


@mutation
async def append(ctx: MutationCtx, list_name: str, text: str) -> int:
    return await add_line(ctx, list_name, text)


@mutation
async def slow_append(ctx: MutationCtx, list_name: str, text: str) -> int:
    """Prepared outside of the slot, so that it may conflict."""
    return await add_line(ctx, list_name, text)
