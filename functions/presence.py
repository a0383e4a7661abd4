"""Presence: who has a window open, and which thread it shows.

A window sends a heartbeat every few seconds. Time alone never runs a live query again, so a window
that fell silent is removed by the next heartbeat of any other one.
"""

from datetime import timedelta

from functions._checks import check_text
from reactive import UNSET, Id, MutationCtx, QueryCtx, Unset, mutation, query
from schema import Heartbeat, Presence, Thread

NAME_LENGTH_MAX = 40
SILENT_AFTER = timedelta(seconds=20)
LISTED_MAX = 200
REMOVED_MAX = 50  # at once, so that a heartbeat stays a small transaction


@query(name="list")
async def list_present(ctx: QueryCtx) -> list[Presence]:
    """The windows that are connected, in the order in which they came."""
    return await ctx.db.query(Presence).take(LISTED_MAX)


@mutation
async def heartbeat(
    ctx: MutationCtx, client_id: str, name: str, thread_id: Id[Thread] | Unset = UNSET
) -> None:
    """Say that a window is open, under which name and at which thread."""
    check_text(name, name="name", length_max=NAME_LENGTH_MAX)
    window = await ctx.db.query(Presence).with_index("by_client", client_id=client_id).unique()
    if window is None:
        await ctx.db.insert(Presence(client_id=client_id, name=name, thread_id=thread_id))
    elif (window.name, window.thread_id) != (name, thread_id):
        await ctx.db.patch(window.id, name=name, thread_id=thread_id)

    now = ctx.now
    beat = await ctx.db.query(Heartbeat).with_index("by_client", client_id=client_id).unique()
    if beat is None:
        await ctx.db.insert(Heartbeat(client_id=client_id, last_seen=now.timestamp() * 1_000))
    else:
        await ctx.db.patch(beat.id, last_seen=now.timestamp() * 1_000)

    silent_before = (now - SILENT_AFTER).timestamp() * 1_000
    silent = (
        await ctx.db.query(Heartbeat)
        .with_index("by_last_seen", lambda q: q.lt("last_seen", silent_before))
        .take(REMOVED_MAX)
    )
    for gone in silent:
        await leave(ctx, gone.client_id)


@mutation
async def leave(ctx: MutationCtx, client_id: str) -> None:
    """Say that a window closes. One that is unknown, or gone already, is no error."""
    window = await ctx.db.query(Presence).with_index("by_client", client_id=client_id).unique()
    if window is not None:
        await ctx.db.delete(window.id)
    beat = await ctx.db.query(Heartbeat).with_index("by_client", client_id=client_id).unique()
    if beat is not None:
        await ctx.db.delete(beat.id)
