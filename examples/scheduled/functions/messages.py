"""Messages that are sent later, can be called back until then, and may destroy themselves."""

from datetime import timedelta

from pydantic import BaseModel

from reactive import (
    UNSET,
    ApplicationError,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    internal_mutation,
    mutation,
    query,
)
from schema import Message, Planned

LISTED_MAX = 100
DELAY_S_MAX = 24 * 3_600


class Job(BaseModel):
    """A scheduled call, as the page shows it."""

    id: str
    name: str
    scheduled_time: float
    state: str


@query(name="list")
async def list_messages(ctx: QueryCtx) -> list[Message]:
    """The messages that were sent, newest first."""
    return await ctx.db.query(Message).order("desc").take(LISTED_MAX)


@query
async def planned(ctx: QueryCtx) -> list[Planned]:
    """The messages that still wait for their time, the next one first."""
    return await ctx.db.query(Planned).with_index("by_send_at").take(LISTED_MAX)


@query
async def jobs(ctx: QueryCtx) -> list[Job]:
    """The newest scheduled calls, straight from the system's own table."""
    newest = await ctx.db.system.query("_scheduled_functions").order("desc").take(8)
    return [
        Job(id=job.id, name=job.name, scheduled_time=job.scheduled_time, state=job.state.kind)
        for job in newest
    ]


@mutation
async def plan(
    ctx: MutationCtx, body: str, delay_s: float = 0, lifetime_s: float | Unset = UNSET
) -> Id[Planned]:
    """Have a message sent after a delay, and deleted `lifetime_s` after that if that is given.

    The plan and its scheduled call are one transaction: there are both, or there is neither.
    """
    if not body.strip():
        raise ApplicationError({"code": "empty", "message": "Say something."})
    if not 0 <= delay_s <= DELAY_S_MAX:
        raise ApplicationError({"code": "bad_delay", "message": "Within a day, please."})
    send_at = ctx.now + timedelta(seconds=delay_s)
    planned_id = await ctx.db.insert(
        Planned(body=body, send_at=send_at.timestamp() * 1_000, lifetime_s=lifetime_s)
    )
    job = await ctx.scheduler.run_at(send_at, deliver, id=planned_id)
    await ctx.db.patch(planned_id, job=job)
    return planned_id


@mutation
async def call_back(ctx: MutationCtx, id: Id[Planned]) -> None:
    """Take a planned message back, as long as it has not been sent."""
    plan = await ctx.db.get(id)
    if plan is None or isinstance(plan.job, Unset):
        raise ApplicationError({"code": "too_late", "message": "It has been sent already."})
    await ctx.scheduler.cancel(plan.job)
    await ctx.db.delete(id)


@internal_mutation
async def deliver(ctx: MutationCtx, id: Id[Planned]) -> None:
    """Send a planned message: no client can call this, only the scheduler."""
    plan = await ctx.db.get(id)
    if plan is None:
        return
    await ctx.db.delete(id)
    if isinstance(plan.lifetime_s, Unset):
        await ctx.db.insert(Message(body=plan.body))
        return
    end = ctx.now + timedelta(seconds=plan.lifetime_s)
    message = await ctx.db.insert(Message(body=plan.body, destructs_at=end.timestamp() * 1_000))
    await ctx.scheduler.run_at(end, destruct, id=message)


@internal_mutation
async def destruct(ctx: MutationCtx, id: Id[Message]) -> None:
    """Delete a message whose time is over."""
    if await ctx.db.get(id) is not None:
        await ctx.db.delete(id)
