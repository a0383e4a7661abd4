"""Lists of ranked items, whole and in pages."""

from typing import Annotated, Any

from pydantic import Field

from reactive import (
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    mutation,
    query,
)
from schema import Item

Options = Annotated[PaginationOptions, Field(alias="paginationOpts")]


@mutation
async def add(ctx: MutationCtx, list_name: str, rank: float, label: str = "") -> Id[Item]:
    return await ctx.db.insert(Item(list_name=list_name, rank=rank, label=label))


@mutation
async def fill(ctx: MutationCtx, list_name: str, ranks: list[float]) -> list[Id[Item]]:
    return [
        await ctx.db.insert(Item(list_name=list_name, rank=rank, label=f"label {rank:g}"))
        for rank in ranks
    ]


@mutation
async def relabel(ctx: MutationCtx, item: Id[Item], label: str) -> None:
    await ctx.db.patch(item, label=label)


@mutation
async def move(ctx: MutationCtx, item: Id[Item], rank: float) -> None:
    await ctx.db.patch(item, rank=rank)


@mutation
async def remove(ctx: MutationCtx, item: Id[Item]) -> None:
    await ctx.db.delete(item)


@mutation
async def remove_between(ctx: MutationCtx, list_name: str, low: float, high: float) -> int:
    rows = ctx.db.query(Item).with_index(
        "by_rank", lambda q: q.eq("list_name", list_name).gte("rank", low).lte("rank", high)
    )
    found = await rows.collect()
    for item in found:
        await ctx.db.delete(item.id)
    return len(found)


@query(name="list")
async def list_items(ctx: QueryCtx, list_name: str) -> list[Item]:
    return await ctx.db.query(Item).with_index("by_rank", list_name=list_name).collect()


@query
async def page(
    ctx: QueryCtx, list_name: str, pagination_opts: Options, order: str = "asc"
) -> PaginationResult[Item]:
    rows = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    return await rows.order("desc" if order == "desc" else "asc").paginate(pagination_opts)


@query
async def page_filtered(
    ctx: QueryCtx, list_name: str, label: str, pagination_opts: Options
) -> PaginationResult[Item]:
    rows = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    return await rows.filter(lambda item: item.label == label).paginate(pagination_opts)


@query
async def two_pages(ctx: QueryCtx, list_name: str, pagination_opts: Options) -> Any:
    rows = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    await rows.paginate(pagination_opts)
    again = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    return await again.paginate(pagination_opts)


@query
async def page_and_nested_page(
    ctx: QueryCtx, list_name: str, pagination_opts: Options
) -> dict[str, Any]:
    rows = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    outer = await rows.paginate(pagination_opts)
    inner = await ctx.run_query(
        page, list_name=list_name, pagination_opts=pagination_opts, order="desc"
    )
    return {"outer": [item.rank for item in outer.page], "inner": _ranks(inner)}


def _ranks(result: Any) -> list[float]:
    return [item.rank for item in result.page]
