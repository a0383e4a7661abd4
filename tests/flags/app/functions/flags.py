"""The shop's flags: a boolean one and one with numbers."""

from typing import Any

from reactive import UNSET, MutationCtx, QueryCtx, Unset, internal_mutation, query
from reactive.flags import Flags, FlagSpec
from schema import Switch, SwitchDecision, SwitchOverride

FLAGS = Flags(
    Switch,
    SwitchOverride,
    SwitchDecision,
    known=[
        FlagSpec("new-checkout", {"on": True, "off": False}, default="off", off="off"),
        FlagSpec("steps", {"many": 5, "few": 2}, default="many", off="many"),
    ],
)


@query
async def get(ctx: QueryCtx, key: str) -> dict[str, Any]:
    """The caller's own decision."""
    found = await FLAGS.decide(ctx, key)
    return {"variant": found.variant, "reason": found.reason, "revision": found.revision}


@internal_mutation(name="set")
async def set_flag(
    ctx: MutationCtx,
    key: str,
    variant: str | Unset = UNSET,
    percentage: float | Unset = UNSET,
    user_id: str | Unset = UNSET,
    enabled: bool | Unset = UNSET,
) -> int:
    """Changes a flag."""
    return await FLAGS.set(
        ctx, key, variant=variant, percentage=percentage, user=user_id, enabled=enabled
    )


@internal_mutation
async def start(ctx: MutationCtx, values: dict[str, str]) -> None:
    """Called by the server when it starts."""
    await FLAGS.start(ctx, values)
