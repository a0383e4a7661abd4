"""How often may be sent: token buckets in the database, so that every process counts."""

import math

from functions._checks import refuse
from reactive import Id, MutationCtx
from schema import RateLimit, Thread


async def spend_message(ctx: MutationCtx, user: str, thread_id: Id[Thread]) -> None:
    """Takes a message from what its user, and its thread, may have.

    Raises:
        ApplicationError: `rate_limited`, with `retryAfter` in seconds, when either has none left.
    """
    await _spend(ctx, f"send {user}", ctx.settings.rate_limit)
    await _spend(ctx, f"thread {thread_id}", ctx.settings.thread_rate_limit)


async def _spend(ctx: MutationCtx, key: str, per_minute: float) -> None:
    """Takes one token from a bucket that holds a minute's worth; 0 a minute means no limit.

    Raises:
        ApplicationError: `rate_limited`, with `retryAfter` in seconds, when it is empty.
    """
    if per_minute == 0:
        return
    now = ctx.now.timestamp()
    bucket = await ctx.db.query(RateLimit).with_index("by_key", key=key).unique()
    most = max(1.0, per_minute)
    left = most
    if bucket is not None:
        passed = max(0.0, now - bucket.updated_at)
        left = min(most, bucket.tokens + passed * per_minute / 60)
    # Sums of fractions fall a little short of what they should be.
    if left < 1 - 1e-9:
        wait = (1 - left) * 60 / per_minute
        refuse(
            "rate_limited",
            f"That is too fast; try again in {wait:.1f} s.",
            retryAfter=math.ceil(wait * 1_000) / 1_000,
        )
    if bucket is None:
        await ctx.db.insert(RateLimit(key=key, tokens=left - 1, updated_at=now))
    else:
        await ctx.db.patch(bucket.id, tokens=left - 1, updated_at=now)
