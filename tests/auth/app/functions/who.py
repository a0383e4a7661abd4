"""Functions that look at who is calling, and some that do not."""

from typing import Any

from reactive import (
    ActionCtx,
    ApplicationError,
    MutationCtx,
    QueryCtx,
    action,
    internal_query,
    mutation,
    query,
)
from schema import Note

runs = {"me": 0, "all_notes": 0}


@query
async def me(ctx: QueryCtx) -> dict[str, Any] | None:
    runs["me"] += 1
    identity = await ctx.auth.get_user_identity()
    if identity is None:
        return None
    return {
        "token_identifier": identity.token_identifier,
        "subject": identity.subject,
        "issuer": identity.issuer,
        "name": identity.name,
        "picture": identity.picture_url,
        "claims": identity.claims,
    }


@query
async def my_name(ctx: QueryCtx) -> str:
    identity = await ctx.auth.get_user_identity()
    return "nobody" if identity is None else identity.subject


@query
async def my_notes(ctx: QueryCtx) -> list[str]:
    identity = await ctx.auth.get_user_identity()
    if identity is None:
        raise ApplicationError("log in first")
    notes = ctx.db.query(Note).filter(lambda note: note.author == identity.subject)
    return [note.text for note in await notes.collect()]


@query
async def all_notes(ctx: QueryCtx) -> list[str]:
    runs["all_notes"] += 1
    return [note.text for note in await ctx.db.query(Note).collect()]


@mutation
async def write(ctx: MutationCtx, text: str) -> str:
    author = await ctx.run_query(my_name)
    await ctx.db.insert(Note(author=author, text=text))
    return author


@action
async def act(ctx: ActionCtx) -> list[str]:
    own = await ctx.auth.get_user_identity()
    return [
        "nobody" if own is None else own.subject,
        await ctx.run_query(my_name),
        await ctx.run_mutation(write, text="by an action"),
    ]


@action
async def count_runs(ctx: ActionCtx) -> dict[str, int]:
    """How often the queries were run."""
    return dict(runs)


@internal_query
async def hidden(ctx: QueryCtx) -> str:
    return await ctx.run_query(my_name)


@action
async def echo(ctx: ActionCtx) -> list[str]:
    """Who calls, as an action and as a query that it runs know it."""
    own = await ctx.auth.get_user_identity()
    return ["nobody" if own is None else own.subject, await ctx.run_query(my_name)]
