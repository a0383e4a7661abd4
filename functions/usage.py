"""What answers have cost."""

from typing import Any

from functions._checks import caller_of
from reactive import UNSET, QueryCtx, Unset, query
from schema import UsageRow

ROWS_MAX = 10_000
_SUMS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_micros",
)


@query
async def summary(ctx: QueryCtx, day: str | Unset = UNSET) -> list[dict[str, Any]]:
    """The caller's tokens and millionths of a dollar by day and model, of one day or of all."""
    user = await caller_of(ctx)
    rows = ctx.db.query(UsageRow)
    if isinstance(day, Unset):
        rows = rows.with_index("by_user_day", user_id=user)
    else:
        rows = rows.with_index("by_user_day", user_id=user, day=day)
    sums: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in await rows.take(ROWS_MAX):
        key = (row.day, row.provider, row.model)
        total = sums.setdefault(key, {**dict.fromkeys(_SUMS, 0), "attempts": 0})
        for name in _SUMS:
            total[name] += getattr(row, name)
        total["attempts"] += 1
    return [
        {
            "day": each_day,
            "userId": user,
            "provider": provider,
            "model": model,
            "inputTokens": total["input_tokens"],
            "outputTokens": total["output_tokens"],
            "cachedTokens": total["cached_tokens"],
            "reasoningTokens": total["reasoning_tokens"],
            "costMicros": total["cost_micros"],
            "attempts": total["attempts"],
        }
        for (each_day, provider, model), total in sorted(sums.items())
    ]
