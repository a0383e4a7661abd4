"""What an author's type checker knows of the API. Checked by mypy, never run."""

from typing import Annotated, assert_type

from pydantic import Field

from reactive import (
    UNSET,
    Document,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    index,
    mutation,
    query,
)


class Channel(Document, table="channels"):
    name: str


class Message(Document, table="messages"):
    channel: Id[Channel]
    body: str
    sender: Annotated[str, Field(alias="from")]
    title: str | Unset = UNSET

    by_channel = index("channel")


@query
async def newest(ctx: QueryCtx, channel: Id[Channel], limit: int = 50) -> list[Message]:
    messages = ctx.db.query(Message).with_index(Message.by_channel, channel=channel)
    assert_type(await ctx.db.get(channel), Channel | None)
    assert_type(await ctx.db.query(Message).first(), Message | None)
    async for message in ctx.db.query(Message):
        assert_type(message, Message)
        assert_type(message.id, Id[Message])
        assert_type(message.creation_time, float)
    found = await messages.order("desc").take(limit)
    assert_type(found, list[Message])
    return found


@query
async def pages(ctx: QueryCtx, options: PaginationOptions) -> PaginationResult[Message]:
    page = await ctx.db.query(Message).paginate(options)
    assert_type(page, PaginationResult[Message])
    assert_type(page.page, list[Message])
    return page


@mutation
async def send(ctx: MutationCtx, channel: Id[Channel], body: str) -> Id[Message]:
    assert_type(await newest(ctx, channel, limit=1), list[Message])
    sent = await ctx.db.insert(Message(channel=channel, body=body, **{"from": "Ada"}))
    assert_type(sent, Id[Message])
    await ctx.db.patch(sent, body="new")
    await ctx.db.delete(sent)
    return sent


async def mistakes(ctx: QueryCtx, writer: MutationCtx, channel: Id[Channel]) -> None:
    await ctx.db.insert(Channel(name="x"))  # error: attr-defined
    await newest(ctx, channel, limit="many")  # error: arg-type
    await newest(ctx, "no id")  # error: arg-type
    Channel(name=5)  # error: arg-type
    Channel(title="x")  # error: call-arg
    await writer.db.replace(channel, Message)  # error: arg-type
    ctx.db.query(Message).order("down")  # error: arg-type
