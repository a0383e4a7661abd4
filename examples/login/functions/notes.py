"""Notes that only their owner can see: what every app with a login does, in one file."""

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Note

LISTED_MAX = 200
TEXT_LENGTH_MAX = 500


@query
async def whoami(ctx: QueryCtx) -> str | None:
    """The name of whoever asks; None for a guest."""
    identity = await ctx.auth.get_user_identity()
    return None if identity is None else identity.name


@query(name="list")
async def list_notes(ctx: QueryCtx) -> list[Note]:
    """The caller's own notes, newest first."""
    owner = await _caller(ctx)
    mine = ctx.db.query(Note).with_index("by_owner", owner=owner)
    return await mine.order("desc").take(LISTED_MAX)


@mutation
async def add(ctx: MutationCtx, text: str) -> Id[Note]:
    """Write a note. Its owner is read from the token, never from an argument."""
    owner = await _caller(ctx)
    if not 0 < len(text.strip()) <= TEXT_LENGTH_MAX:
        raise ApplicationError(
            {"code": "bad_text", "message": f"Write 1 to {TEXT_LENGTH_MAX} characters."}
        )
    return await ctx.db.insert(Note(owner=owner, text=text))


@mutation
async def remove(ctx: MutationCtx, id: Id[Note]) -> None:
    """Delete a note of one's own. Somebody else's is as good as none."""
    owner = await _caller(ctx)
    note = await ctx.db.get(id)
    if note is None or note.owner != owner:
        raise ApplicationError({"code": "not_found", "message": "You have no such note."})
    await ctx.db.delete(id)


async def _caller(ctx: QueryCtx) -> str:
    identity = await ctx.auth.get_user_identity()
    if identity is None:
        raise ApplicationError({"code": "signed_out", "message": "Sign in first."})
    return identity.token_identifier
