"""A logbook without an end: pages that never lack an entry, and never show one twice."""

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
from schema import Entry

SHIPS = ("Beagle", "Endeavour", "Fram")
WINDS = ("calm", "a light breeze", "a fresh breeze", "half a gale", "a storm")


@query(name="list")
async def list_entries(
    ctx: QueryCtx, pagination_opts: PaginationOptions, ship: str | Unset = UNSET
) -> PaginationResult[Entry]:
    """The entries, of one ship or of all, newest first.

    A page begins after the cursor of the one before and keeps the end that it once had, so what is
    written meanwhile makes a page longer and moves nothing to the next.
    """
    entries = ctx.db.query(Entry)
    if not isinstance(ship, Unset):
        entries = entries.with_index("by_ship", ship=ship)
    return await entries.order("desc").paginate(pagination_opts)


@mutation
async def write(ctx: MutationCtx, ship: str, text: str) -> Id[Entry]:
    """Add an entry."""
    if not text.strip():
        raise ApplicationError({"code": "empty", "message": "Write something."})
    return await ctx.db.insert(Entry(ship=ship, text=text))


@mutation
async def strike(ctx: MutationCtx, id: Id[Entry]) -> None:
    """Take an entry out, if it is still there."""
    if await ctx.db.get(id) is not None:
        await ctx.db.delete(id)


@mutation
async def sail(ctx: MutationCtx, days: int) -> None:
    """Fill the logbook with so many days of all ships."""
    if not 0 < days <= 500:
        raise ApplicationError({"code": "bad_days", "message": "Sail for 1 to 500 days."})
    for day in range(1, days + 1):
        for ship in SHIPS:
            text = f"Day {day}: {ctx.random.choice(WINDS)}, {ctx.random.randint(8, 240)} miles."
            await ctx.db.insert(Entry(ship=ship, text=text))
