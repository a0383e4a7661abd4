"""Notes: written in any way, searched in any way."""

from typing import Annotated, Any

from pydantic import Field

from reactive import (
    UNSET,
    ApplicationError,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    mutation,
    query,
)
from schema import Note, Wide

Fields = dict[str, Any]
Options = Annotated[PaginationOptions, Field(alias="paginationOpts")]


def searched(ctx: QueryCtx | MutationCtx, text: str, filters: Fields) -> Any:
    def build(q: Any) -> Any:
        q = q.search("body", text)
        for name, value in filters.items():
            q = q.eq(name, UNSET if value == "UNSET" else value)
        return q

    return ctx.db.query(Note).with_search_index(Note.search_body, build)


async def note(ctx: MutationCtx, key: str) -> Note:
    found = await ctx.db.query(Note).with_index("by_key", key=key).unique()
    assert found is not None
    return found


@mutation
async def add(ctx: MutationCtx, key: str, fields: Fields) -> str:
    return await ctx.db.insert(Note(key=key, **fields))


@mutation
async def add_many(ctx: MutationCtx, bodies: list[str], channel: str = "main") -> None:
    for at, body in enumerate(bodies):
        await ctx.db.insert(Note(key=f"{channel} {at}", body=body, channel=channel))


@mutation
async def patch(ctx: MutationCtx, key: str, fields: Fields) -> None:
    await ctx.db.patch((await note(ctx, key)).id, fields)


@mutation
async def delete(ctx: MutationCtx, key: str) -> None:
    await ctx.db.delete((await note(ctx, key)).id)


@mutation
async def act(ctx: MutationCtx, steps: list[list[Any]]) -> list[list[str]]:
    """Takes steps one after the other; gives what the searches among them found."""
    found: list[list[str]] = []
    for name, *args in steps:
        if name == "add":
            await add(ctx, key=args[0], fields=args[1])
        elif name == "patch":
            await patch(ctx, key=args[0], fields=args[1])
        elif name == "delete":
            await delete(ctx, key=args[0])
        elif name == "search":
            found.append([each.key for each in await searched(ctx, *args).collect()])
        elif name == "call":
            found += await ctx.run_mutation(act, steps=args[0])
        else:
            try:
                await ctx.run_mutation(act_and_fail, steps=args[0])
            except ApplicationError as error:
                found += error.data  # type: ignore[arg-type]
    return found


@mutation
async def act_and_fail(ctx: MutationCtx, steps: list[list[Any]]) -> None:
    raise ApplicationError(await act(ctx, steps=steps))


@query
async def search(ctx: QueryCtx, text: str, filters: Fields | None = None) -> list[str]:
    """The keys of what is found, best first."""
    return [each.key for each in await searched(ctx, text, filters or {}).collect()]


@query
async def bodies(ctx: QueryCtx, text: str, channel: str) -> list[Note]:
    return await searched(ctx, text, {"channel": channel}).take(5)


@query
async def by_bio(ctx: QueryCtx, text: str, city: str | None = None) -> list[str]:
    def build(q: Any) -> Any:
        q = q.search("profile.bio", text)
        return q if city is None else q.eq("profile.city", city)

    return [
        each.key
        for each in await ctx.db.query("notes").with_search_index("search_bio", build).collect()
    ]


@query
async def in_every_way(ctx: QueryCtx, text: str, skip: str) -> dict[str, Any]:
    """What each of the methods of a query gives, without the note that is skipped."""

    def fresh() -> Any:
        return searched(ctx, text, {}).filter(lambda each: each.key != skip)

    first = await fresh().first()
    return {
        "collect": [each.key for each in await fresh().collect()],
        "take": [each.key for each in await fresh().take(2)],
        "first": first and first.key,
        "loop": [each.key async for each in fresh()],
    }


@query
async def unique(ctx: QueryCtx, text: str) -> str | None:
    found = await searched(ctx, text, {}).unique()
    return found and found.key


@query
async def page(ctx: QueryCtx, text: str, pagination_opts: Options) -> PaginationResult[Note]:
    return await searched(ctx, text, {}).paginate(pagination_opts)


@query
async def take(ctx: QueryCtx, text: str, count: int) -> int:
    return len(await searched(ctx, text, {}).take(count))


@query
async def wide(ctx: QueryCtx, filters: int) -> int:
    def build(q: Any) -> Any:
        q = q.search("text", "x")
        for at in range(filters):
            q = q.eq(f"f{at}", 0)
        return q

    return len(await ctx.db.query(Wide).with_search_index("search_text", build).collect())


@mutation
async def add_if_alone(ctx: MutationCtx, text: str) -> bool:
    """Adds a note unless one with a word of it is there."""
    if await searched(ctx, text, {}).first() is not None:
        return False
    await ctx.db.insert(Note(key=text, body=text))
    return True
