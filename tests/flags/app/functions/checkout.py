"""The feature itself, which asks OpenFeature and knows nothing of rows."""

from typing import Any

from openfeature.evaluation_context import EvaluationContext

from functions.flags import FLAGS
from reactive import MutationCtx, QueryCtx, mutation, query
from schema import Order


@query
async def page(ctx: QueryCtx) -> dict[str, Any]:
    """What a customer sees."""
    client = await FLAGS.client(ctx, "new-checkout", "steps")
    return {
        "is_new": client.get_boolean_value("new-checkout", False),
        "steps": client.get_integer_value("steps", 9),
    }


@query
async def details(ctx: QueryCtx, key: str, user: str) -> dict[str, Any]:
    """What OpenFeature says of a boolean flag for somebody."""
    client = await FLAGS.client(ctx, key, user=user)
    found = client.get_boolean_details(key, True)
    other = client.get_boolean_details(key, True, EvaluationContext(targeting_key="else"))
    return {
        "value": found.value,
        "variant": found.variant,
        "reason": str(found.reason),
        "error": found.error_code,
        "metadata": dict(found.flag_metadata),
        "error_of_another_user": other.error_code,
    }


@query
async def inside(ctx: QueryCtx, key: str, users: list[str]) -> list[str]:
    """Which of these users a percentage has let in."""
    found = []
    for user in users:
        decision = await FLAGS.decide(ctx, key, user)
        if decision.reason == "SPLIT":
            found.append(user)
    return found


@mutation
async def buy(ctx: MutationCtx, item: str, user: str) -> int:
    """Buys something, in as many steps as the customer's flag says; the decision is kept."""
    decision = await FLAGS.decide(ctx, "steps", user)
    await FLAGS.note(ctx, decision, user)
    steps = {"many": 5, "few": 2}[decision.variant]
    await ctx.db.insert(Order(item=item, steps=steps))
    return steps


@query
async def decisions(ctx: QueryCtx) -> list[dict[str, Any]]:
    """What was noted."""
    rows = await ctx.db.query("switch_decisions").collect()
    return [
        {"user": row.user_id, "variant": row.variant, "reason": row.reason, "n": row.revision}
        for row in rows
    ]


@mutation
async def write(ctx: MutationCtx, table: str, row: dict[str, Any]) -> None:
    """Writes a row past everything that looks after flags."""
    await ctx.db.insert(table, row)


@mutation
async def clear(ctx: MutationCtx, table: str) -> None:
    """Empties a table."""
    for row in await ctx.db.query(table).collect():
        await ctx.db.delete(row.id)
