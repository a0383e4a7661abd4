"""The parts of an answer, each in rows that a client subscribes to one by one."""

from typing import Any

from functions._checks import caller_of, own_message
from reactive import Id, QueryCtx, Unset, query
from reactive.ai.writer import order_of
from schema import Message, MessagePart, PartOrder

_FIELDS = {
    "type": "type",
    "state": "state",
    "text": "text",
    "toolCallId": "tool_call_id",
    "toolName": "tool_name",
    "input": "input",
    "output": "output",
    "errorText": "error_text",
    "startedAt": "started_at",
    "endedAt": "ended_at",
}


@query
async def order(ctx: QueryCtx, message_id: Id[Message]) -> list[dict[str, Any]]:
    """Which rows there are, in reading order: `[{index, segment, type, state, sealed}]`."""
    await own_message(ctx, message_id)
    order = await ctx.db.query(PartOrder).with_index("by_message", message_id=message_id).unique()
    return [] if order is None else order_of(order.rows)


@query
async def get(ctx: QueryCtx, message_id: Id[Message], index: int, segment: int) -> Any:
    """One row: a piece of text, or a tool call."""
    row = (
        await ctx.db.query(MessagePart)
        .with_index("by_message", message_id=message_id, position=index, segment=segment)
        .unique()
    )
    if row is None or row.owner != await caller_of(ctx):
        # Thread and message are read only where the row itself does not say whose it is: this
        # runs for each tick of each answer that somebody watches.
        await own_message(ctx, message_id)
    if row is None:
        return None
    fields = {name: getattr(row, field) for name, field in _FIELDS.items()}
    return {name: value for name, value in fields.items() if not isinstance(value, Unset)}
