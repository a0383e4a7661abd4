"""Which way answers reach a user's sockets: the flag `realtime` as Socket.IO understands it."""

from typing import Literal

from functions._checks import caller_of
from functions.flags import FLAGS, LEGACY, REALTIME
from reactive import QueryCtx

Path = Literal["legacy", "reactive"]

_ON_LEGACY = (LEGACY, "shadow")


def path_of_variant(variant: str) -> Path:
    """The path that a variant serves."""
    return "legacy" if variant in _ON_LEGACY else "reactive"


async def path_of(ctx: QueryCtx) -> tuple[str, Path]:
    """The caller's variant, and the path that his sockets are served on; a live query may ask."""
    decision = await FLAGS.decide(ctx, REALTIME, await caller_of(ctx))
    return decision.variant, path_of_variant(decision.variant)
