"""Search as you type, page by page, live."""

from functions._samples import SAMPLES
from reactive import (
    UNSET,
    ApplicationError,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    mutation,
    query,
)
from schema import Kind, Note


@query
async def search(
    ctx: QueryCtx, text: str, pagination_opts: PaginationOptions, kind: Kind | Unset = UNSET
) -> PaginationResult[Note]:
    """Notes with any of the words, best first; the last word may be only the beginning of one.

    Without words these are all notes, newest first. A note that somebody adds while one looks at
    the results takes its place among them.
    """
    notes = ctx.db.query(Note)
    if text.strip():
        found = notes.with_search_index(
            "search_text",
            lambda q: (
                q.search("text", text)
                if isinstance(kind, Unset)
                else q.search("text", text).eq("kind", kind)
            ),
        )
        return await found.paginate(pagination_opts)
    if not isinstance(kind, Unset):
        notes = notes.with_index("by_kind", kind=kind)
    return await notes.order("desc").paginate(pagination_opts)


@mutation
async def add(ctx: MutationCtx, title: str, kind: Kind, text: str) -> Id[Note]:
    """Add a note. Its title is searched, too: it is the beginning of its text."""
    if not title.strip() or not text.strip():
        raise ApplicationError({"code": "empty", "message": "A note has a title and a text."})
    return await ctx.db.insert(Note(title=title, kind=kind, text=f"{title}. {text}"))


@mutation
async def load_samples(ctx: MutationCtx) -> int:
    """Fill an empty notebook with the sample notes; tells how many were added."""
    if await ctx.db.query(Note).first() is not None:
        return 0
    for kind, title, text in SAMPLES:
        await add(ctx, title, kind, text)
    return len(SAMPLES)
