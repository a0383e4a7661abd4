"""What a chat needs."""

from typing import Annotated

from pydantic import Field

from reactive import (
    Id,
    Int64,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    mutation,
    query,
)
from schema import Message, Profile, User


@query(name="list")
async def list_messages(
    ctx: QueryCtx,
    author: Id[User],
    paginationOpts: PaginationOptions,  # noqa: N803 - the name that the hook sends
) -> PaginationResult[Message]:
    """The messages of one author, oldest first.

    Ends no comment: */ is only text.
    """
    return (
        await ctx.db.query(Message).with_index("by_author", author=author).paginate(paginationOpts)
    )


@query
async def recent(
    ctx: QueryCtx, author: Id[User], limit: Annotated[int, Field(description="At most.")] = 10
) -> list[Message]:
    return await ctx.db.query(Message).with_index("by_author", author=author).take(limit)


@query(name="default")
async def newest(ctx: QueryCtx) -> Message | None:
    """The message that came last."""
    return await ctx.db.query(Message).order("desc").first()


@mutation
async def join(ctx: MutationCtx, name: str, profile: Profile) -> Id[User]:
    return await ctx.db.insert(User(name=name, profile=profile))


@mutation
async def send(
    ctx: MutationCtx,
    author: Id[User],
    body: str,
    sender: Annotated[str, Field(alias="from")] = "me",
) -> Id[Message]:
    message = {
        "author": author,
        "body": body,
        "from": sender,
        "size": Int64(len(body)),
        "embedding": [0.0, 1.0],
        "attachment": b"\1\2",
        "reactions": {"+1": 1},
    }
    return await ctx.db.insert("messages", message)


@mutation(name="delete")
async def delete_message(ctx: MutationCtx, message: Id[Message]) -> None:
    await ctx.db.delete(message)
