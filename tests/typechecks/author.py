"""What a type checker makes of an author's code.

A line that ends in `# error: code` must be refused with that code, every other line must pass.
"""

import random
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, assert_type

from aiohttp import web
from pydantic import Field

from reactive import (
    UNSET,
    ActionCtx,
    ApplicationError,
    Document,
    Id,
    Identity,
    Int64,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    action,
    create_app,
    index,
    internal_mutation,
    mutation,
    query,
    search_index,
)


class Channel(Document, table="channels"):
    name: str
    topic: str | Unset = UNSET


class Message(Document, table="messages"):
    channel: Id[Channel]
    body: str
    sender: Annotated[str, Field(alias="from")] = "nobody"
    status: Literal["draft", "sent"] = "draft"
    likes: Int64 = Int64(0)

    by_channel = index("channel")
    search_body = search_index("body", filter_fields=["channel"])


# Documents


def documents(channel: Id[Channel], message: Message) -> None:
    Message(channel=channel, body="hello")
    Message(channel=channel, body="hello", status="sent", likes=Int64(5))
    Message(channel=channel, body="hello", sender="Ada")
    Message(channel=channel)  # error: call-arg
    Message(channel=channel, body=5)  # error: arg-type
    Message(channel=channel, body="x", status="lost")  # error: arg-type
    Message(channel=channel, body="x", colour="red")  # error: call-arg
    Message(channel=message.id, body="x")  # error: arg-type
    assert_type(message.id, Id[Message])
    assert_type(message.creation_time, float)
    assert_type(message.channel, Id[Channel])
    assert_type(message.model_dump(), dict[str, Any])
    assert_type(Channel(name="x").topic, str | Unset)
    print(message.title)  # error: attr-defined
    message.id = message.id  # error: misc


# Reading


@query(name="list")
async def list_messages(ctx: QueryCtx, channel: Id[Channel], limit: int = 50) -> list[Message]:
    rows = ctx.db.query(Message).with_index("by_channel", channel=channel)
    assert_type(await ctx.db.query(Message).collect(), list[Message])
    assert_type(await ctx.db.query(Message).take(3), list[Message])
    assert_type(await ctx.db.query(Message).first(), Message | None)
    assert_type(await ctx.db.query(Message).unique(), Message | None)
    assert_type(await ctx.db.query("messages").collect(), list[Any])
    assert_type(await ctx.db.get(channel), Channel | None)
    assert_type(await ctx.db.normalize_id(Message, "text"), Id[Message] | None)
    assert_type(ctx.now, datetime)
    assert_type(ctx.random, random.Random)
    assert_type(await ctx.auth.get_user_identity(), Identity | None)
    ctx.db.query(Message).with_index(Message.by_channel, lambda q: q.eq("channel", channel))
    ctx.db.query(Message).with_index(Message.by_nothing)  # error: attr-defined
    hits = ctx.db.query(Message).with_search_index(
        Message.search_body, lambda q: q.search("body", "x").eq("channel", channel)
    )
    assert_type(await hits.take(3), list[Message])
    ctx.db.query(Message).with_search_index("search_body")  # error: call-arg
    ctx.db.query(Message).order("up")  # error: arg-type
    ctx.db.query(Message).filter(lambda message: message.body == "x")
    ctx.db.query(Message).filter(lambda message: message.title == "x")  # error: attr-defined
    await ctx.db.get(5)  # error: arg-type
    found = await ctx.db.get(channel)
    print(found.name)  # error: union-attr
    await ctx.db.insert(Channel(name="x"))  # error: attr-defined
    await ctx.run_mutation(send, channel=channel, body="x")  # error: attr-defined
    return await rows.order("desc").take(limit)


@query
async def page(ctx: QueryCtx, options: PaginationOptions) -> PaginationResult[Message]:
    found = await ctx.db.query(Message).paginate(options)
    assert_type(found, PaginationResult[Message])
    assert_type(found.page, list[Message])
    assert_type(found.continue_cursor, str)
    await ctx.db.query(Message).paginate(PaginationOptions(num_items=5))
    return found


@query
async def bodies(ctx: QueryCtx) -> list[str]:
    async for message in ctx.db.query(Message):
        assert_type(message, Message)
    return [message.body async for message in ctx.db.query(Message)]


# Writing


@mutation
async def send(ctx: MutationCtx, channel: Id[Channel], body: str) -> Id[Message]:
    made = await ctx.db.insert(Message(channel=channel, body=body))
    assert_type(made, Id[Message])
    await ctx.db.insert("messages", {"channel": channel, "body": body})
    await ctx.db.insert(5)  # error: call-overload
    await ctx.db.insert({"channel": channel})  # error: call-overload
    await ctx.db.patch(made, body="new")
    await ctx.db.patch(made, {"body": UNSET})
    await ctx.db.patch(5, body="new")  # error: arg-type
    await ctx.db.replace(made, Message(channel=channel, body=body))
    await ctx.db.replace(made, Message)  # error: arg-type
    await ctx.db.delete(made)
    await ctx.db.delete(Message)  # error: arg-type
    assert_type(await list_messages(ctx, channel=channel), list[Message])
    assert_type(await ctx.run_query(list_messages, channel=channel), list[Message])
    assert_type(await ctx.run_mutation(send, channel=channel, body="x"), Id[Message])
    assert_type(await ctx.run_mutation("messages:send", body="x"), Any)
    await list_messages(ctx, channel=5)  # error: arg-type
    await list_messages(ctx)  # error: call-arg
    await ctx.run_action(act)  # error: attr-defined
    return await ctx.db.insert(Channel(name="x"))  # error: arg-type


@internal_mutation
async def fail(ctx: MutationCtx) -> None:
    raise ApplicationError({"code": 5})


# Actions


@action
async def act(ctx: ActionCtx, channel: Id[Channel]) -> int:
    assert_type(await ctx.run_query(list_messages, channel=channel), list[Message])
    assert_type(await ctx.run_mutation(send, channel=channel, body="x"), Id[Message])
    assert_type(await ctx.run_action(act, channel=channel), int)
    print(ctx.db)  # error: attr-defined
    return "text"  # error: return-value


# Decorators


@query  # error: arg-type
def not_async(ctx: QueryCtx) -> int:
    return 5


@query  # error: arg-type
async def query_that_writes(ctx: MutationCtx) -> None: ...


@mutation
async def mutation_that_reads(ctx: QueryCtx) -> None: ...


@query  # error: arg-type
async def no_context() -> None: ...


def undecorated() -> None:
    query(title="x")  # error: call-overload


def served(folder: Path) -> None:
    assert_type(create_app(folder), web.Application)
    assert_type(create_app(folder, dev=True, port=0), web.Application)


async def rows_of(ctx: QueryCtx) -> AsyncIterator[Message]:
    async for message in ctx.db.query(Message):
        yield message
