"""Nearest neighbors: an action embeds the question, searches, and reads what it found."""

from pydantic import BaseModel

from functions._embedding import embed
from functions._samples import SAMPLES
from reactive import (
    UNSET,
    ActionCtx,
    ApplicationError,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    action,
    internal_mutation,
    internal_query,
    mutation,
    query,
)
from schema import Answer, Topic

FOUND_MAX = 4


class Found(BaseModel):
    """An answer and how near its question is: 1 is the same, 0 has nothing in common."""

    id: Id[Answer]
    topic: Topic
    question: str
    answer: str
    score: float


@query
async def count(ctx: QueryCtx) -> int:
    """How many answers there are to search."""
    return len(await ctx.db.query(Answer).take(1_000))


@action
async def ask(ctx: ActionCtx, question: str, topic: Topic | Unset = UNSET) -> list[Found]:
    """The answers whose questions are nearest, nearest first.

    A vector search is for actions: embedding a text usually means to call somebody else's API.
    """
    if not question.strip():
        return []
    hits = await ctx.vector_search(
        Answer,
        "by_embedding",
        vector=embed(question),
        limit=FOUND_MAX,
        filter=None if isinstance(topic, Unset) else lambda q: q.eq("topic", topic),
    )
    scores = {hit.id: hit.score for hit in hits}
    found = await ctx.run_query(read, ids=list(scores))
    return [
        Found(
            id=each.id,
            topic=each.topic,
            question=each.question,
            answer=each.answer,
            score=scores[each.id],
        )
        for each in found
    ]


@action
async def add(ctx: ActionCtx, topic: Topic, question: str, answer: str) -> Id[Answer]:
    """Add an answer, embedded before it is written."""
    if not question.strip() or not answer.strip():
        raise ApplicationError({"code": "empty", "message": "A question and an answer, please."})
    return await ctx.run_mutation(
        insert, topic=topic, question=question, answer=answer, embedding=embed(question)
    )


@mutation
async def load_samples(ctx: MutationCtx) -> int:
    """Fill an empty table; tells how many answers were added."""
    if await ctx.db.query(Answer).first() is not None:
        return 0
    for topic, question, answer in SAMPLES:
        await insert(ctx, topic, question, answer, embed(question))
    return len(SAMPLES)


@internal_mutation
async def insert(
    ctx: MutationCtx, topic: Topic, question: str, answer: str, embedding: list[float]
) -> Id[Answer]:
    """Write an answer with its embedding."""
    return await ctx.db.insert(
        Answer(topic=topic, question=question, answer=answer, embedding=embedding)
    )


@internal_query
async def read(ctx: QueryCtx, ids: list[Id[Answer]]) -> list[Answer]:
    """The answers of these ids, in their order; one that was deleted meanwhile is left out."""
    found = [await ctx.db.get(each) for each in ids]
    return [answer for answer in found if answer is not None]
