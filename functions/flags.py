"""Feature flags: what the caller gets of one, and who may change it.

`realtime` says which way an answer takes to its readers. It is a flag like any other; one that is
not described in `FLAGS` has any variants, and `legacy` for those whom nothing else was given.
"""

from pydantic import BaseModel

from functions._checks import caller_of
from functions._retention import DECISION_AGE
from reactive import UNSET, MutationCtx, QueryCtx, Unset, internal_mutation, query
from reactive.flags import Decision, Flags, FlagSpec
from schema import Flag, FlagDecision, FlagOverride

LEGACY = "legacy"
REALTIME = "realtime"
REACTIVE_ONLY = "reactive-only"
MODES = (LEGACY, "shadow", "mirror", "reactive", REACTIVE_ONLY)

FLAGS = Flags(
    Flag,
    FlagOverride,
    FlagDecision,
    known=[FlagSpec(REALTIME, MODES, default="reactive", off=LEGACY)],
    off=LEGACY,
)


class Decided(BaseModel):
    """What `flags:get` answers."""

    key: str
    variant: str
    reason: str
    revision: int


@query
async def get(ctx: QueryCtx, key: str) -> Decided:
    """The caller's own variant of a flag, live; `legacy` when it is missing or broken."""
    found = await FLAGS.decide(ctx, key, await caller_of(ctx))
    return Decided(key=key, variant=found.variant, reason=found.reason, revision=found.revision)


@internal_mutation(name="set")
async def set_flag(
    ctx: MutationCtx,
    key: str,
    variant: str | Unset = UNSET,
    percentage: float | Unset = UNSET,
    user_id: str | Unset = UNSET,
    enabled: bool | Unset = UNSET,
) -> int:
    """Changes a flag for everybody, or, with `user_id`, for one user; gives its new revision.

    A `variant` is for everybody, or for `percentage` of the users: the others get the default.
    `enabled: false` is the kill switch. A `user_id` without `variant` ends what was set for it.

    Raises:
        ApplicationError: naming the argument that is wrong.
    """
    return await FLAGS.set(
        ctx, key, variant=variant, percentage=percentage, user=user_id, enabled=enabled
    )


@internal_mutation
async def start(ctx: MutationCtx, values: dict[str, str]) -> None:
    """Called by the server when it starts, with the setting `flags`."""
    await FLAGS.start(ctx, values)


@internal_mutation
async def forget(ctx: MutationCtx) -> int:
    """Removes decisions of long ago, and says how many; goes on by itself while there are some."""
    removed = await FLAGS.forget(ctx, ctx.now - DECISION_AGE)
    if removed:
        await ctx.scheduler.run_after(0, forget)
    return removed


async def decide_realtime(ctx: MutationCtx, user: str) -> Decision:
    """Which way the answer that begins now takes for a user; the decision is kept."""
    decision = await FLAGS.decide(ctx, REALTIME, user)
    await FLAGS.note(ctx, decision, user)
    return decision
