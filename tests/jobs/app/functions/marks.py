"""Functions that are scheduled, and the ones that schedule them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from reactive import (
    ActionCtx,
    Id,
    Int64,
    MutationCtx,
    QueryCtx,
    action,
    internal_action,
    internal_mutation,
    mutation,
    query,
)
from schema import Counter, Mark


@query(name="list")
async def list_marks(ctx: QueryCtx, label: str) -> list[str]:
    found = await ctx.db.query(Mark).with_index("by_label", label=label).collect()
    return [mark.seen for mark in found]


@query
async def whoami(ctx: QueryCtx) -> list[str | None] | None:
    identity = await ctx.auth.get_user_identity()
    return [identity.subject, identity.email] if identity else None


@query
async def counter(ctx: QueryCtx, name: str) -> int:
    found = await ctx.db.query(Counter).with_index("by_name", name=name).unique()
    return found.value if found else 0


@query
async def jobs(ctx: QueryCtx) -> list[Any]:
    return await ctx.db.system.query("_scheduled_functions").collect()


@query
async def job(ctx: QueryCtx, id: Id["_scheduled_functions"]) -> Any:
    return await ctx.db.system.get(id)


@query
async def state(ctx: QueryCtx, id: Id["_scheduled_functions"]) -> str | None:
    found = await ctx.db.system.get(id)
    return found.state.kind if found else None


@query
async def states(ctx: QueryCtx) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in await ctx.db.system.query("_scheduled_functions").collect():
        counts[each.state.kind] = counts.get(each.state.kind, 0) + 1
    return counts


@query
async def sneak(ctx: QueryCtx, id: str) -> Any:
    return await ctx.db.get(id)


@internal_mutation
async def mark(ctx: MutationCtx, label: str, own: str | None = None) -> str:
    identity = await ctx.auth.get_user_identity()
    seen = "nobody" if identity is None else identity.subject
    if own is not None:
        running = await ctx.db.system.get(own)
        seen = running.state.kind
    await ctx.db.insert(Mark(label=label, seen=seen))
    return label


@internal_mutation
async def bump(ctx: MutationCtx, name: str, big: Int64 = Int64(1)) -> None:
    found = await ctx.db.query(Counter).with_index("by_name", name=name).unique()
    if found is None:
        await ctx.db.insert(Counter(name=name, value=1, big=big))
    else:
        await ctx.db.patch(found.id, value=found.value + 1, big=Int64(int(found.big) + int(big)))


@internal_mutation
async def fail(ctx: MutationCtx, label: str) -> None:
    await ctx.db.insert(Mark(label=label, seen="never"))
    raise ValueError(f"no {label}")


@mutation
async def later(ctx: MutationCtx, label: str, seconds: float = 0.0) -> Id["_scheduled_functions"]:
    return await ctx.scheduler.run_after(seconds, mark, label=label)


@mutation
async def later_at(ctx: MutationCtx, label: str, when: float) -> Id["_scheduled_functions"]:
    return await ctx.scheduler.run_at(when, "marks:mark", label=label)


@mutation
async def later_many(ctx: MutationCtx, name: str, count: int, seconds: float = 0.0) -> None:
    for _ in range(count):
        await ctx.scheduler.run_after(timedelta(seconds=seconds), bump, name=name)


@mutation
async def later_and_fail(ctx: MutationCtx, label: str) -> None:
    await ctx.scheduler.run_after(0, mark, label=label)
    raise ValueError("not after all")


@mutation
async def later_nested(ctx: MutationCtx, label: str) -> None:
    try:
        await ctx.run_mutation(later_and_fail, label=label)
    except ValueError:
        await ctx.scheduler.run_after(0, mark, label=f"{label} caught")


@mutation
async def later_fail(ctx: MutationCtx, label: str) -> Id["_scheduled_functions"]:
    return await ctx.scheduler.run_after(0, fail, label=label)


@mutation
async def later_wrong(ctx: MutationCtx, kind: str) -> None:
    scheduler = ctx.scheduler
    match kind:
        case "negative":
            await scheduler.run_after(-1, mark, label="x")
        case "infinite":
            await scheduler.run_after(float("inf"), mark, label="x")
        case "text":
            await scheduler.run_after("soon", mark, label="x")  # type: ignore[arg-type]
        case "far":
            await scheduler.run_after(timedelta(days=5 * 366 + 1), mark, label="x")
        case "naive":
            await scheduler.run_at(datetime(2030, 1, 1), mark, label="x")
        case "aware":
            await scheduler.run_at(datetime(2020, 1, 1, tzinfo=UTC), mark, label="x")
        case "query":
            await scheduler.run_after(0, jobs)
        case "missing":
            await scheduler.run_after(0, "marks:nothing")
        case "large":
            await scheduler.run_after(0, mark, label="x" * (5 * 1024 * 1024))
        case "arguments":
            await scheduler.run_after(0, mark, nonsense=1)
        case _:
            raise AssertionError(kind)


@mutation
async def cancel(ctx: MutationCtx, id: str) -> None:
    await ctx.scheduler.cancel(id)


@action
async def act_later(ctx: ActionCtx, label: str) -> None:
    await ctx.scheduler.run_after(0, mark, label=label)
    raise ValueError("the action fails, what it scheduled stays")


@internal_action
async def wait_for_word(ctx: ActionCtx, label: str) -> None:
    """Says that it has started, then waits until somebody says `go`."""
    await ctx.run_mutation(mark, label=f"{label} started")
    while not await ctx.run_query(list_marks, label=f"{label} go"):
        await asyncio.sleep(0.02)
    await ctx.scheduler.run_after(0, mark, label=f"{label} afterwards")
    await ctx.run_mutation(mark, label=f"{label} ended")


@mutation
async def start_waiting(ctx: MutationCtx, label: str) -> Id["_scheduled_functions"]:
    return await ctx.scheduler.run_after(0, wait_for_word, label=label)


@mutation
async def say(ctx: MutationCtx, label: str) -> None:
    await ctx.db.insert(Mark(label=label, seen="said"))


@internal_action
async def fail_action(ctx: ActionCtx) -> None:
    raise ValueError("no such thing")


@mutation
async def start_failing(ctx: MutationCtx) -> Id["_scheduled_functions"]:
    return await ctx.scheduler.run_after(0, fail_action)


@internal_mutation
async def mark_itself(ctx: MutationCtx, label: str) -> None:
    running = await ctx.db.system.query("_scheduled_functions").order("desc").first()
    await ctx.db.insert(Mark(label=label, seen=running.state.kind))


@mutation
async def later_itself(ctx: MutationCtx, label: str) -> None:
    await ctx.scheduler.run_after(0, mark_itself, label=label)


@internal_mutation
async def cancel_itself(ctx: MutationCtx) -> None:
    running = await ctx.db.system.query("_scheduled_functions").order("desc").first()
    await ctx.scheduler.cancel(running.id)


@mutation
async def later_cancel_itself(ctx: MutationCtx) -> Id["_scheduled_functions"]:
    return await ctx.scheduler.run_after(0, cancel_itself)


@internal_mutation
async def keep_document(ctx: MutationCtx, document: dict[str, Any], data: bytes, n: Int64) -> None:
    await ctx.db.insert(Mark(label="kept", seen=f"{document['label']} {data!r} {int(n)}"))


@internal_mutation
async def keep_mark(ctx: MutationCtx, mark: Mark, marks: list[Mark], fresh: Mark) -> None:
    seen = await ctx.db.get(mark.id) == mark == marks[0]
    await ctx.db.insert(fresh)
    await ctx.db.insert(Mark(label="kept mark", seen=f"{seen} {mark.creation_time > 0}"))


@mutation
async def later_mark(ctx: MutationCtx) -> Id["_scheduled_functions"]:
    mark = await ctx.db.get(await ctx.db.insert(Mark(label="first", seen="x")))
    fresh = Mark(label="fresh", seen="y")
    return await ctx.scheduler.run_after(0, keep_mark, mark=mark, marks=[mark], fresh=fresh)


@mutation
async def take_mark(ctx: MutationCtx, mark: Mark) -> None:
    await ctx.db.insert(mark)


@mutation
async def later_values(ctx: MutationCtx) -> None:
    added = await ctx.db.insert(Mark(label="first", seen="x"))
    document = await ctx.db.get(added)
    await ctx.scheduler.run_after(
        0, keep_document, document=document, data=b"\x00\xff", n=Int64(2**62)
    )
