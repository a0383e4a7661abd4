"""Actions with large results, which no protocol splits into chunks."""

from reactive import ActionCtx, action


@action
async def quotes(ctx: ActionCtx, count: int) -> str:
    """A text that JSON makes twice as long."""
    return '"' * count


@action
async def size_of(ctx: ActionCtx, data: bytes) -> int:
    return len(data)
