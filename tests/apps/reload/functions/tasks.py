"""The functions that the reload tests edit."""

from reactive import Id, MutationCtx, QueryCtx, mutation, query
from schema import Task

GREETING = "old"


@query
async def greeting(ctx: QueryCtx) -> str:
    return GREETING


@query
async def titles(ctx: QueryCtx) -> list[str]:
    return [task.title for task in await ctx.db.query(Task).collect()]


@mutation
async def add(ctx: MutationCtx, title: str) -> Id[Task]:
    return await ctx.db.insert(Task(title=title))
