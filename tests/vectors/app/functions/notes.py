"""Everything that can be done with a vector."""

from typing import Any

from reactive import (
    UNSET,
    ActionCtx,
    Id,
    MutationCtx,
    QueryCtx,
    VectorHit,
    action,
    mutation,
    query,
)
from schema import Note, Source


@mutation
async def add(ctx: MutationCtx, key: str, fields: dict[str, Any]) -> Id[Note]:
    return await ctx.db.insert("notes", {"key": key, **fields})


@mutation
async def patch(ctx: MutationCtx, note: Id[Note], fields: dict[str, Any]) -> None:
    await ctx.db.patch(note, **{n: UNSET if v == "unset" else v for n, v in fields.items()})


@mutation
async def delete(ctx: MutationCtx, note: Id[Note]) -> None:
    await ctx.db.delete(note)


@mutation
async def fill(ctx: MutationCtx, vectors: list[list[float]]) -> list[str]:
    return [
        await ctx.db.insert(Note(key=str(number), embedding=vector, stars=number % 7))
        for number, vector in enumerate(vectors)
    ]


@mutation
async def add_source(ctx: MutationCtx, lang: str, vector: list[float]) -> Id[Note]:
    source = Source(lang=lang, embedding=vector)
    return await ctx.db.insert(Note(key=lang, source=source))


@query
async def keys(ctx: QueryCtx, ids: list[Id[Note]]) -> list[str]:
    found = [await ctx.db.get(each) for each in ids]
    return [note.key for note in found if note is not None]


@action
async def hits(ctx: ActionCtx, vector: list[float], limit: int = 10) -> list[VectorHit[Note]]:
    return await ctx.vector_search(Note, Note.by_embedding, vector=vector, limit=limit)


@action
async def near(ctx: ActionCtx, vector: list[float], limit: int = 10, **filters: Any) -> list[str]:
    def equal(q: Any) -> Any:
        return q.or_(*(q.eq(field, value) for field, value in filters.items()))

    found = await ctx.vector_search(
        "notes",
        "by_embedding",
        vector=vector,
        limit=limit,
        filter=equal if filters else None,
    )
    return await ctx.run_query(keys, ids=[hit.id for hit in found])


@action
async def of_topics(ctx: ActionCtx, vector: list[float], topics: list[str | None]) -> list[str]:
    found = await ctx.vector_search(
        Note,
        "by_embedding",
        vector=vector,
        filter=lambda q: q.or_(*(q.eq("topic", topic) for topic in topics)),
    )
    return await ctx.run_query(keys, ids=[hit.id for hit in found])


@action
async def without_topic(ctx: ActionCtx, vector: list[float]) -> list[str]:
    found = await ctx.vector_search(
        Note, "by_embedding", vector=vector, filter=lambda q: q.eq("topic", UNSET)
    )
    return await ctx.run_query(keys, ids=[hit.id for hit in found])


@action
async def of_language(ctx: ActionCtx, vector: list[float], lang: str) -> list[str]:
    found = await ctx.vector_search(
        Note, Note.by_source, vector=vector, filter=lambda q: q.eq("source.lang", lang)
    )
    return await ctx.run_query(keys, ids=[hit.id for hit in found])


@action
async def write_and_search(ctx: ActionCtx, key: str, vector: list[float]) -> list[str]:
    """A search sees what the action itself has just written."""
    await ctx.run_mutation(add, key=key, fields={"embedding": vector})
    found = await ctx.vector_search(Note, "by_embedding", vector=vector, limit=1)
    return await ctx.run_query(keys, ids=[hit.id for hit in found])


MISTAKES: dict[str, dict[str, Any]] = {
    "no index": {"index": "by_nothing"},
    "another table": {"table": "plain"},
    "dimensions": {"vector": [1.0, 2.0]},
    "no numbers": {"vector": ["a", "b", "c"]},
    "a text": {"vector": "abc"},
    "nan": {"vector": [1.0, float("nan"), 0.0]},
    "infinite": {"vector": [1.0, float("inf"), 0.0]},
    "limit": {"limit": 257},
    "no limit": {"limit": 0},
    "a fraction": {"limit": 1.5},
    "filter field": {"filter": lambda q: q.eq("key", "x")},
    "no filter": {"filter": lambda q: True},
    "nothing": {"filter": lambda q: q.or_()},
    "filters": {"filter": lambda q: q.or_(*(q.eq("stars", n) for n in range(65)))},
    "64 filters": {"filter": lambda q: q.or_(*(q.eq("stars", n) for n in range(64)))},
}


@action
async def mistake(ctx: ActionCtx, name: str) -> list[Any]:
    options = {"table": Note, "index": "by_embedding", "vector": [1.0, 0.0, 0.0], **MISTAKES[name]}
    table, index = options.pop("table"), options.pop("index")
    return await ctx.vector_search(table, index, **options)
