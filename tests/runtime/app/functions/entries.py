"""Pages of a list."""

from reactive import (
    ApplicationError,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    mutation,
    query,
)
from schema import Entry


@query
async def page(
    ctx: QueryCtx, list_name: str, options: PaginationOptions, order: str = "asc"
) -> PaginationResult[Entry]:
    rows = ctx.db.query(Entry).with_index("by_rank", list_name=list_name)
    return await rows.order("desc" if order == "desc" else "asc").paginate(options)


@query
async def page_of(
    ctx: QueryCtx, list_name: str, options: PaginationOptions, label: str
) -> PaginationResult[Entry]:
    """Only rows with this label, of the whole list."""
    rows = ctx.db.query(Entry).with_index("by_rank", list_name=list_name)
    return await rows.filter(lambda entry: entry.label == label).paginate(options)


@query
async def fragile_page(
    ctx: QueryCtx, list_name: str, options: PaginationOptions
) -> PaginationResult[Entry]:
    """Fails while the list has a row that is called `broken`."""
    broken = ctx.db.query(Entry).with_index("by_rank", list_name=f"broken {list_name}")
    if await broken.first() is not None:
        raise ApplicationError("broken")
    return await page(ctx, list_name=list_name, options=options)


@query
async def two_pages(ctx: QueryCtx, options: PaginationOptions) -> None:
    await ctx.db.query(Entry).paginate(options)
    await ctx.db.query(Entry).paginate(options)


@query
async def first(ctx: QueryCtx, list_name: str) -> Entry | None:
    return await ctx.db.query(Entry).with_index("by_rank", list_name=list_name).first()


@query
async def some(ctx: QueryCtx, list_name: str, lower: float, upper: float) -> list[Entry]:
    rows = ctx.db.query(Entry).with_index(
        "by_rank", lambda q: q.eq("list_name", list_name).gte("rank", lower).lt("rank", upper)
    )
    return await rows.collect()


@mutation
async def insert(ctx: MutationCtx, list_name: str, ranks: list[float], label: str = "") -> None:
    for rank in ranks:
        await ctx.db.insert(Entry(list_name=list_name, rank=rank, label=label))


@mutation
async def delete(ctx: MutationCtx, list_name: str, ranks: list[float]) -> None:
    for rank in ranks:
        rows = ctx.db.query(Entry).with_index("by_rank", list_name=list_name, rank=rank)
        for entry in await rows.collect():
            await ctx.db.delete(entry.id)
