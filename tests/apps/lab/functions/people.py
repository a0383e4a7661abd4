"""Every kind of write, on documents with nested, optional and aliased fields."""

from typing import Any

from reactive import UNSET, Id, Int64, MutationCtx, QueryCtx, mutation, query
from schema import Address, Item, Letter, Link, Note, Person


@mutation
async def insert(ctx: MutationCtx, person: Person) -> Id[Person]:
    """A document class is an argument's type like any other."""
    return await ctx.db.insert(person)


@mutation
async def insert_by_name(ctx: MutationCtx, table: str, fields: dict[str, Any]) -> str:
    return await ctx.db.insert(table, fields)


@query
async def get(ctx: QueryCtx, person: Id[Person]) -> Person | None:
    return await ctx.db.get(person)


@query
async def exists(ctx: QueryCtx, person: Id[Person]) -> bool:
    return await ctx.db.get(person) is not None


@query
async def dumps(ctx: QueryCtx, person: Id[Person]) -> dict[str, Any]:
    found = await ctx.db.get(person)
    assert found is not None
    assert found.id == person
    assert type(found.creation_time) is float
    return {
        "python": sorted(found.model_dump()),
        "wire": sorted(found.model_dump(by_alias=True)),
    }


@query
async def in_city(ctx: QueryCtx, city: str) -> list[str]:
    rows = ctx.db.query(Person).with_index("by_city", lambda q: q.eq("address.city", city))
    return [person.name for person in await rows.collect()]


@query
async def normalized(ctx: QueryCtx, table: str, text: str) -> str | None:
    return await ctx.db.normalize_id(table, text)


@mutation
async def rename(ctx: MutationCtx, person: Id[Person], name: str) -> None:
    await ctx.db.patch(person, name=name)


@mutation
async def move(ctx: MutationCtx, person: Id[Person], city: str) -> None:
    await ctx.db.patch(person, address=Address(city=city))


@mutation
async def forget_nickname(ctx: MutationCtx, person: Id[Person]) -> None:
    await ctx.db.patch(person, nickname=UNSET)


@mutation
async def patch_unknown_field(ctx: MutationCtx, person: Id[Person]) -> None:
    await ctx.db.patch(person, shoe_size=44)


@mutation
async def patch_wrong_type(ctx: MutationCtx, person: Id[Person]) -> None:
    await ctx.db.patch(person, name=7)


@mutation
async def replace(ctx: MutationCtx, person: Id[Person], name: str, city: str) -> None:
    await ctx.db.replace(person, Person(name=name, address=Address(city=city)))


@mutation
async def replace_with_copy(ctx: MutationCtx, person: Id[Person], name: str) -> None:
    """A stored document carries its own id, which is the right one here."""
    found = await ctx.db.get(person)
    assert found is not None
    await ctx.db.replace(person, found.model_copy(update={"name": name}))


@mutation
async def replace_with_other(ctx: MutationCtx, person: Id[Person], other: Id[Person]) -> None:
    found = await ctx.db.get(other)
    assert found is not None
    await ctx.db.replace(person, found)


@mutation
async def delete(ctx: MutationCtx, person: Id[Person]) -> None:
    await ctx.db.delete(person)


@mutation
async def write_letter(ctx: MutationCtx, sender: str, stamps: Int64) -> Letter | None:
    """By the Python name of the field, then read back."""
    letter = await ctx.db.insert(Letter(sender=sender, stamps=stamps))
    return await ctx.db.get(letter)


@query
async def letters_from(ctx: QueryCtx, sender: str) -> list[Letter]:
    return await ctx.db.query(Letter).with_index("by_sender", sender=sender).collect()


@mutation
async def chain(ctx: MutationCtx, links: list[Link]) -> list[Id[Link]]:
    return [await ctx.db.insert(link) for link in links]


@mutation
async def add_note(
    ctx: MutationCtx, owner: str, body: str, tag: str | None = None, *, tagged: bool = True
) -> Id[Note]:
    note = Note(owner=owner, body=body, tag=tag) if tagged else Note(owner=owner, body=body)
    return await ctx.db.insert(note)


@query
async def note(ctx: QueryCtx, note: Id[Note]) -> Note | None:
    return await ctx.db.get(note)


@mutation
async def birth_times(ctx: MutationCtx, list_name: str, count: int) -> list[float]:
    """The creation times of `count` documents of one transaction, in the order of insertion."""
    ids = [await ctx.db.insert(Item(list_name=list_name, rank=number)) for number in range(count)]
    times = []
    for item in ids:
        found = await ctx.db.get(item)
        assert found is not None
        times.append(found.creation_time)
    return times


@query
async def loose(ctx: QueryCtx, table: str) -> list[dict[str, Any]]:
    """The documents of a table without a class."""
    return [row.model_dump(by_alias=True) for row in await ctx.db.query(table).collect()]
