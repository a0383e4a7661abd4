"""A mutation that does what it is told, and says what it has seen."""

from typing import Any

from reactive import ApplicationError, Id, MutationCtx, mutation
from schema import Entry


@mutation
async def add(ctx: MutationCtx, label: str, rank: float) -> Id[Entry]:
    return await ctx.db.insert(Entry(list_name="a", rank=rank, label=label))


@mutation
async def take(ctx: MutationCtx, steps: list[list[Any]]) -> list[Any]:
    """Takes steps such as `["patch", id, 5]`; a `nested` one is undone after it was taken."""
    seen: list[Any] = []
    for what, *given in steps:
        match what:
            case "list":
                entries = ctx.db.query(Entry).with_index("by_rank", list_name="a")
                seen.append([[entry.label, entry.rank] for entry in await entries.collect()])
            case "get":
                entry = await ctx.db.get(given[0])
                seen.append(None if entry is None else [entry.label, entry.rank])
            case "patch":
                await ctx.db.patch(given[0], rank=given[1])
            case "replace":
                new = Entry(list_name="a", rank=given[1], label="replaced")
                await ctx.db.replace(given[0], new)
            case "delete":
                await ctx.db.delete(given[0])
            case "nested":
                try:
                    await ctx.run_mutation(take_in_vain, steps=given[0])
                except ApplicationError as error:
                    seen.append(error.data)
    return seen


@mutation
async def take_in_vain(ctx: MutationCtx, steps: list[list[Any]]) -> None:
    raise ApplicationError(await take(ctx, steps=steps))
