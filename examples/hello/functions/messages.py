from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Message


@query(name="list")
async def list_messages(ctx: QueryCtx, channel: str, limit: int = 50) -> list[Message]:
    newest_first = ctx.db.query(Message).with_index("by_channel", channel=channel).order("desc")
    return await newest_first.take(limit)


@mutation
async def send(ctx: MutationCtx, channel: str, author: str, body: str) -> Id[Message]:
    if not body.strip():
        raise ApplicationError({"code": "empty", "message": "Say something."})
    return await ctx.db.insert(Message(channel=channel, author=author, body=body))
