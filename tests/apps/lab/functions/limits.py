"""Functions that reach a limit, or go one beyond it."""

from typing import Any

from reactive import Id, MutationCtx, QueryCtx, mutation, query
from schema import Counter, Item, Note


@mutation
async def make_items(ctx: MutationCtx, list_name: str, count: int) -> list[Id[Item]]:
    return [await ctx.db.insert(Item(list_name=list_name, rank=number)) for number in range(count)]


@mutation
async def insert_many(ctx: MutationCtx, list_name: str, count: int) -> int:
    for number in range(count):
        await ctx.db.insert(Item(list_name=list_name, rank=number))
    return count


@mutation
async def write_one_often(ctx: MutationCtx, name: str, times: int) -> None:
    counter = await ctx.db.insert(Counter(name=name, value=0))
    for number in range(1, times):
        await ctx.db.patch(counter, value=number)


@query
async def get_each(ctx: QueryCtx, items: list[Id[Item]]) -> int:
    found = [await ctx.db.get(item) for item in items]
    return sum(item is not None for item in found)


@query
async def get_one_often(ctx: QueryCtx, item: Id[Item], times: int) -> int:
    found = [await ctx.db.get(item) for _ in range(times)]
    return len(found)


@query
async def count_list(ctx: QueryCtx, list_name: str) -> int:
    return len(await ctx.db.query(Item).with_index("by_rank", list_name=list_name).collect())


@query
async def count_whole_table(ctx: QueryCtx, table: str) -> int:
    return len(await ctx.db.query(table).collect())


@mutation
async def store_text(ctx: MutationCtx, owner: str, characters: int) -> Id[Note]:
    return await ctx.db.insert(Note(owner=owner, body="x" * characters))


@mutation
async def store_any(ctx: MutationCtx, table: str, value: Any) -> str:
    return await ctx.db.insert(table, {"value": value})


@mutation
async def store_fields(ctx: MutationCtx, table: str, count: int) -> str:
    return await ctx.db.insert(table, {f"field{number}": number for number in range(count)})


@mutation
async def store_nested(ctx: MutationCtx, table: str, depth: int) -> str:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return await ctx.db.insert(table, {"value": value})


@query
async def size_of(ctx: QueryCtx, text: str) -> int:
    return len(text)


@query
async def quotes(ctx: QueryCtx, count: int) -> str:
    """A text that JSON makes twice as long."""
    return '"' * count


@query
async def text(ctx: QueryCtx, characters: int) -> str:
    return "x" * characters


@query
async def data(ctx: QueryCtx, size: int) -> bytes:
    return bytes(size)


@query
async def text_with_counter(ctx: QueryCtx, name: str, characters: int) -> str:
    """A large result of a small document, so that only what is sent can fill the memory."""
    counter = await ctx.db.query(Counter).with_index("by_name", name=name).unique()
    return f"{0 if counter is None else counter.value}:" + "x" * characters


@query
async def numbers(ctx: QueryCtx, count: int) -> list[int]:
    return list(range(count))
