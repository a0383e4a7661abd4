"""One vote for each browser, without an account: a session id is an argument like any other."""

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Choice, Label, SessionId, Vote

CHOICES_MAX = 12


@query
async def results(ctx: QueryCtx) -> list[Choice]:
    """The choices with their votes. All browsers share this query, as it takes no session."""
    return await ctx.db.query(Choice).take(CHOICES_MAX)


@query
async def mine(ctx: QueryCtx, session_id: SessionId) -> Id[Choice] | None:
    """What this browser has chosen. Sessions go in and never come out."""
    vote = await _vote_of(ctx, session_id)
    return None if vote is None else vote.choice


@mutation
async def vote(ctx: MutationCtx, session_id: SessionId, choice: Id[Choice]) -> None:
    """Choose, or choose something else; the counts move with the vote, or not at all."""
    chosen = await ctx.db.get(choice)
    if chosen is None:
        raise ApplicationError({"code": "not_found", "message": "There is no such choice."})
    before = await _vote_of(ctx, session_id)
    if before is None:
        await ctx.db.insert(Vote(session=session_id, choice=choice))
    elif before.choice == choice:
        return
    else:
        await ctx.db.patch(before.id, choice=choice)
        left = await ctx.db.get(before.choice)
        if left is not None:
            await ctx.db.patch(left.id, votes=left.votes - 1)
    await ctx.db.patch(choice, votes=chosen.votes + 1)


@mutation
async def propose(ctx: MutationCtx, session_id: SessionId, label: Label) -> Id[Choice]:
    """Add a choice and vote for it; one that is there already gets the vote."""
    known = await ctx.db.query(Choice).with_index("by_label", label=label).unique()
    if known is None and len(await results(ctx)) == CHOICES_MAX:
        raise ApplicationError({"code": "full", "message": f"{CHOICES_MAX} choices are enough."})
    choice = await ctx.db.insert(Choice(label=label)) if known is None else known.id
    await vote(ctx, session_id, choice)
    return choice


async def _vote_of(ctx: QueryCtx, session: str) -> Vote | None:
    return await ctx.db.query(Vote).with_index("by_session", session=session).unique()
