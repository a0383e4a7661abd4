"""Queries whose dependencies are known exactly.

Each gives a random number next to its rows. The stream of a run is its own, so a client that sees
another number knows that the query ran again, and one that sees nothing knows that it did not.
"""

from typing import Any

from reactive import UNSET, Document, Id, QueryCtx, query
from schema import Counter, Item, Note


def seen(ctx: QueryCtx, rows: list[Any]) -> dict[str, Any]:
    return {"rows": rows, "run": ctx.random.random()}


@query
async def first(ctx: QueryCtx, list_name: str) -> dict[str, Any]:
    item = await ctx.db.query(Item).with_index("by_rank", list_name=list_name).first()
    return seen(ctx, [] if item is None else [item.rank])


@query
async def take(ctx: QueryCtx, list_name: str, count: int, order: str = "asc") -> dict[str, Any]:
    rows = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    items = await rows.order("desc" if order == "desc" else "asc").take(count)
    return seen(ctx, [item.rank for item in items])


@query
async def between(ctx: QueryCtx, list_name: str, low: float, high: float) -> dict[str, Any]:
    rows = ctx.db.query(Item).with_index(
        "by_rank", lambda q: q.eq("list_name", list_name).gte("rank", low).lt("rank", high)
    )
    return seen(ctx, [item.rank for item in await rows.collect()])


@query
async def above(ctx: QueryCtx, list_name: str, low: float) -> dict[str, Any]:
    rows = ctx.db.query(Item).with_index(
        Item.by_rank, lambda q: q.eq("list_name", list_name).gt("rank", low)
    )
    return seen(ctx, [item.rank for item in await rows.collect()])


@query
async def broken_off(ctx: QueryCtx, list_name: str, count: int) -> dict[str, Any]:
    """Iterates and leaves the loop after `count` rows."""
    ranks: list[float] = []
    async for item in ctx.db.query(Item).with_index("by_rank", list_name=list_name):
        ranks.append(item.rank)
        if len(ranks) == count:
            break
    return seen(ctx, ranks)


@query
async def filtered(ctx: QueryCtx, list_name: str, label: str) -> dict[str, Any]:
    rows = ctx.db.query(Item).with_index("by_rank", list_name=list_name)
    items = await rows.filter(lambda item: item.label == label).collect()
    return seen(ctx, [item.rank for item in items])


@query
async def only(ctx: QueryCtx, list_name: str) -> dict[str, Any]:
    item = await ctx.db.query(Item).with_index("by_rank", list_name=list_name).unique()
    return seen(ctx, [] if item is None else [item.rank])


@query
async def by_id(ctx: QueryCtx, item: Id[Item]) -> dict[str, Any]:
    found = await ctx.db.get(item)
    return seen(ctx, [] if found is None else [found.rank])


@query
async def nothing_at_all(ctx: QueryCtx) -> dict[str, Any]:
    return seen(ctx, [])


@query
async def missing_table(ctx: QueryCtx, table: str) -> dict[str, Any]:
    rows: list[Document] = await ctx.db.query(table).collect()
    return seen(ctx, [row.model_dump() for row in rows])


@query
async def everything(ctx: QueryCtx) -> dict[str, Any]:
    """The whole table, by creation time."""
    return seen(ctx, [counter.name for counter in await ctx.db.query(Counter).collect()])


@query
async def nested(ctx: QueryCtx, list_name: str) -> dict[str, Any]:
    """Depends on what the called query read."""
    inner = await ctx.run_query("reads:first", list_name=list_name)
    called = await first(ctx, list_name=list_name)
    assert called["rows"] == inner["rows"]
    return seen(ctx, inner["rows"])


@query
async def tagged(ctx: QueryCtx, owner: str, tag: str | None) -> list[str]:
    rows = ctx.db.query(Note).with_index("by_tag", owner=owner, tag=tag)
    return [note.body for note in await rows.collect()]


@query
async def untagged(ctx: QueryCtx, owner: str) -> list[str]:
    rows = ctx.db.query(Note).with_index("by_tag", lambda q: q.eq("owner", owner).eq("tag", UNSET))
    return [note.body for note in await rows.collect()]


@query
async def reversed_equalities(ctx: QueryCtx, owner: str, tag: str) -> list[str]:
    rows = ctx.db.query(Note).with_index("by_tag", lambda q: q.eq("tag", tag).eq("owner", owner))
    return [note.body for note in await rows.collect()]


@query
async def bad_range(ctx: QueryCtx, kind: str) -> list[Any]:
    """Index ranges that the rules refuse, one per kind."""
    rows = ctx.db.query(Item)
    match kind:
        case "field not in index":
            chosen = rows.with_index("by_rank", lambda q: q.eq("label", "x"))
        case "not a prefix":
            chosen = rows.with_index("by_rank", lambda q: q.eq("rank", 1.0))
        case "two lower bounds":
            chosen = rows.with_index(
                "by_rank", lambda q: q.eq("list_name", "x").gt("rank", 1.0).gte("rank", 2.0)
            )
        case "bounds on two fields":
            chosen = rows.with_index("by_rank", lambda q: q.gt("list_name", "x").lt("rank", 2.0))
        case "no such index":
            chosen = rows.with_index("by_nothing", list_name="x")
        case other:
            raise AssertionError(other)
    return await chosen.collect()


@query
async def misuse(ctx: QueryCtx, kind: str) -> Any:
    rows = ctx.db.query(Item)
    match kind:
        case "take negative":
            return await rows.take(-1)
        case "take zero":
            return await rows.take(0)
        case "order twice":
            return await rows.order("asc").order("desc").collect()
        case "used twice":
            await rows.collect()
            return await rows.collect()
        case other:
            raise AssertionError(other)


@query
async def later_than(ctx: QueryCtx, list_name: str, rank: float, time: float) -> list[str]:
    """A range over the creation time that every index ends with."""
    rows = ctx.db.query(Item).with_index(
        "by_rank",
        lambda q: q.eq("list_name", list_name).eq("rank", rank).gt("_creationTime", time),
    )
    return [item.label for item in await rows.collect()]
