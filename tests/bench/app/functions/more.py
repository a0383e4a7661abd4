"""What users do beside the kit's workloads: long lists, pages, joins."""

from typing_extensions import TypedDict

from reactive import (
    ApplicationError,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    mutation,
    query,
)
from schema import Author, Message, Post


class Joined(TypedDict):
    """A post with the name of who wrote it."""

    seq: int
    body: str
    author: str


@mutation
async def fill(ctx: MutationCtx, channel: str, count: int, body: str) -> None:
    for seq in range(count):
        await ctx.db.insert(Message(channel=channel, seq=seq, body=body))


@query
async def newest(ctx: QueryCtx, channel: str, limit: int) -> list[Message]:
    messages = ctx.db.query(Message).with_index("by_channel", channel=channel)
    return await messages.order("desc").take(limit)


@mutation
async def edit(ctx: MutationCtx, channel: str, seq: int, body: str) -> None:
    """Changes one row of a list."""
    found = await ctx.db.query(Message).with_index("by_channel", channel=channel, seq=seq).unique()
    if found is None:
        raise ApplicationError("no such message")
    await ctx.db.patch(found.id, body=body)


@query
async def page(
    ctx: QueryCtx, channel: str, options: PaginationOptions
) -> PaginationResult[Message]:
    messages = ctx.db.query(Message).with_index("by_channel", channel=channel)
    return await messages.order("desc").paginate(options)


@mutation
async def authors(ctx: MutationCtx, count: int) -> list[Id[Author]]:
    return [
        await ctx.db.insert(Author(number=number, name=f"author {number}"))
        for number in range(count)
    ]


@mutation
async def post(ctx: MutationCtx, channel: str, seq: int, author: Id[Author], body: str) -> None:
    await ctx.db.insert(Post(channel=channel, seq=seq, author=author, body=body))


@mutation
async def rename(ctx: MutationCtx, author: Id[Author], name: str) -> None:
    await ctx.db.patch(author, name=name)


@query
async def posts(ctx: QueryCtx, channel: str) -> list[Post]:
    """The same rows without the join."""
    found = ctx.db.query(Post).with_index("by_channel", channel=channel)
    return await found.order("desc").take(50)


@query
async def joined(ctx: QueryCtx, channel: str) -> list[Joined]:
    found = []
    for each in await posts(ctx, channel=channel):
        author = await ctx.db.get(each.author)
        name = "" if author is None else author.name
        found.append(Joined(seq=each.seq, body=each.body, author=name))
    return found
