"""Tasks that come in crowds."""

from reactive import Id, MutationCtx, QueryCtx, mutation, query
from schema import Note, Task

VERSION = 1


@query
async def version(ctx: QueryCtx) -> int:
    return VERSION


@query
async def titles(ctx: QueryCtx) -> list[str]:
    return [task.title for task in await ctx.db.query(Task).with_index("by_title").collect()]


@mutation
async def fill(ctx: MutationCtx, count: int) -> None:
    for number in range(count):
        await ctx.db.insert(Task(title=f"{number:03}", points=number % 5))


@mutation
async def add(ctx: MutationCtx, title: str, points: int = 1) -> Id[Task]:
    return await ctx.db.insert(Task(title=title, points=points))


@mutation
async def change(ctx: MutationCtx, task: Id[Task], points: int) -> None:
    await ctx.db.patch(task, points=points)


@mutation
async def delete(ctx: MutationCtx, task: Id[Task]) -> None:
    await ctx.db.delete(task)


@mutation
async def note(ctx: MutationCtx, body: str) -> Id[Note]:
    return await ctx.db.insert(Note(body=body))
