"""Presence: windows say that they are open; one that falls silent is shown out."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, internal_mutation, mutation, query
from schema import Heartbeat, Person

SILENT_AFTER = timedelta(seconds=6)
NAME_LENGTH_MAX = 40
LISTED_MAX = 200

Hue = Annotated[int, Field(ge=0, lt=360)]


@query(name="list")
async def list_people(ctx: QueryCtx) -> list[Person]:
    """Everybody who is here, in the order in which they came."""
    return await ctx.db.query(Person).take(LISTED_MAX)


@mutation
async def heartbeat(ctx: MutationCtx, session: str, name: str, hue: Hue) -> None:
    """Say that a window is open, and who sits at it. Windows do so every few seconds."""
    if not 0 < len(name.strip()) <= NAME_LENGTH_MAX:
        raise ApplicationError(
            {"code": "bad_name", "message": f"A name has 1 to {NAME_LENGTH_MAX} characters."}
        )
    now_ms = ctx.now.timestamp() * 1_000
    person = await _person_of(ctx, session)
    if person is None:
        new = await ctx.db.insert(Person(session=session, name=name, hue=hue))
        await ctx.db.insert(Heartbeat(person=new, last_seen=now_ms))
        await ctx.scheduler.run_after(SILENT_AFTER, show_out_if_silent, person=new)
        return
    if (person.name, person.hue) != (name, hue):
        await ctx.db.patch(person.id, name=name, hue=hue)
    beat = await ctx.db.query(Heartbeat).with_index("by_person", person=person.id).unique()
    if beat is not None:
        await ctx.db.patch(beat.id, last_seen=now_ms)


@mutation
async def leave(ctx: MutationCtx, session: str) -> None:
    """Say that a window closes. One that has gone already is no error."""
    person = await _person_of(ctx, session)
    if person is not None:
        await _remove(ctx, person.id)


@internal_mutation
async def show_out_if_silent(ctx: MutationCtx, person: Id[Person]) -> None:
    """Remove somebody who has fallen silent, or look again when that could next be so.

    Each person has one such call waiting. A heartbeat need not cancel and schedule anything.
    """
    beat = await ctx.db.query(Heartbeat).with_index("by_person", person=person).unique()
    if beat is None:
        return
    silent_at = beat.last_seen + SILENT_AFTER.total_seconds() * 1_000
    if silent_at > ctx.now.timestamp() * 1_000:
        await ctx.scheduler.run_at(silent_at, show_out_if_silent, person=person)
    else:
        await _remove(ctx, person)


async def _person_of(ctx: MutationCtx, session: str) -> Person | None:
    return await ctx.db.query(Person).with_index("by_session", session=session).unique()


async def _remove(ctx: MutationCtx, person: Id[Person]) -> None:
    beat = await ctx.db.query(Heartbeat).with_index("by_person", person=person).unique()
    if beat is not None:
        await ctx.db.delete(beat.id)
    await ctx.db.delete(person)
