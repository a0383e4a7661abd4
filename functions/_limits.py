"""How often a user may send: a token bucket in the database, so that every process counts."""

import math

from functions._checks import refuse
from reactive import MutationCtx
from schema import RateLimit


async def spend(ctx: MutationCtx, key: str, per_minute: float) -> None:
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
