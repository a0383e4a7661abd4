"""Functions that recur."""

import asyncio
from typing import Any

from reactive import (
    ActionCtx,
    MutationCtx,
    QueryCtx,
    internal_action,
    internal_mutation,
    mutation,
    query,
)
from schema import Run, Word


@query(name="list")
async def list_runs(ctx: QueryCtx, name: str) -> list[float]:
    found = await ctx.db.query(Run).with_index("by_name", name=name).collect()
    return [run.at for run in found]


@query
async def words(ctx: QueryCtx) -> int:
    return len(await ctx.db.query(Word).collect())


@query
async def logs(ctx: QueryCtx, name: str) -> list[Any]:
    found = ctx.db.system.query("_cron_job_logs").with_index("by_name", name=name)
    return await found.collect()


@query
async def next_runs(ctx: QueryCtx) -> dict[str, float]:
    jobs = await ctx.db.system.query("_cron_jobs").collect()
    return {job.name: job.next_run for job in jobs}


@internal_mutation
async def note(ctx: MutationCtx, name: str) -> None:
    assert await ctx.auth.get_user_identity() is None
    await ctx.db.insert(Run(name=name, at=ctx.now.timestamp()))


@internal_mutation
async def fail(ctx: MutationCtx, name: str) -> None:
    await ctx.db.insert(Run(name=name, at=0.0))
    raise ValueError("x" * 1_200)


@mutation
async def say(ctx: MutationCtx) -> None:
    await ctx.db.insert(Word(text="go"))


@internal_action
async def wait_for_word(ctx: ActionCtx, name: str) -> None:
    """Runs until there are more words than when it began."""
    before = await ctx.run_query(words)
    await ctx.run_mutation(note, name=name)
    while await ctx.run_query(words) == before:
        await asyncio.sleep(0.01)
