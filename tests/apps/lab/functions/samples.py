"""Values of every kind in an indexed field."""

from typing import Any

from reactive import MutationCtx, QueryCtx, mutation, query
from schema import Sample


@mutation
async def store(ctx: MutationCtx, group: str, values: list[Any]) -> None:
    for value in values:
        await ctx.db.insert(Sample(group=group, value=value))


@query
async def in_order(ctx: QueryCtx, group: str, order: str = "asc") -> list[Any]:
    rows = ctx.db.query(Sample).with_index("by_value", group=group)
    found = await rows.order("desc" if order == "desc" else "asc").collect()
    return [sample.value for sample in found]


@query
async def equal(ctx: QueryCtx, group: str, value: Any) -> list[Any]:
    rows = ctx.db.query(Sample).with_index(
        "by_value", lambda q: q.eq("group", group).eq("value", value)
    )
    return [sample.value for sample in await rows.collect()]


@query
async def above(ctx: QueryCtx, group: str, value: Any) -> list[Any]:
    rows = ctx.db.query(Sample).with_index(
        "by_value", lambda q: q.eq("group", group).gt("value", value)
    )
    return [sample.value for sample in await rows.collect()]
