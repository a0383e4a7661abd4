"""The text of an answer that is being made."""

from reactive import Id, MutationCtx, QueryCtx
from schema import Message, MessagePart


async def text_so_far(ctx: QueryCtx | MutationCtx, message_id: Id[Message]) -> str:
    """The visible text: that of all text parts, one after another."""
    parts = ctx.db.query(MessagePart).with_index("by_message", message_id=message_id)
    pieces = [part.text for part in await parts.collect() if part.type == "text"]
    return "".join(piece for piece in pieces if isinstance(piece, str))
