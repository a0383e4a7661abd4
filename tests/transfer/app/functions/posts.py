"""What the tests put in and look at."""

from typing import Any

from reactive import Id, MutationCtx, QueryCtx, internal_query, mutation, query
from schema import Author, Post


@mutation
async def write(ctx: MutationCtx, name: str, titles: list[str]) -> Id[Author]:
    author = await ctx.db.insert(Author(name=name))
    for title in titles:
        await ctx.db.insert(Post(author=author, title=title))
    return author


@query(name="list")
async def list_posts(ctx: QueryCtx) -> list[Post]:
    return await ctx.db.query(Post).collect()


@query
async def titles(ctx: QueryCtx) -> list[str]:
    return [post.title for post in await ctx.db.query(Post).collect()]


@query
async def search(ctx: QueryCtx, text: str) -> list[str]:
    found = ctx.db.query(Post).with_search_index("search_title", lambda q: q.search("title", text))
    return [post.title for post in await found.collect()]


@query
async def get(ctx: QueryCtx, post: Id[Post]) -> Post | None:
    return await ctx.db.get(post)


@query
async def title_of(ctx: QueryCtx, post: Id[Post]) -> str | None:
    found = await ctx.db.get(post)
    return None if found is None else found.title


@mutation
async def remove_all(ctx: MutationCtx) -> None:
    for post in await ctx.db.query(Post).collect():
        await ctx.db.delete(post.id)


@mutation
async def note(ctx: MutationCtx, values: list[Any]) -> None:
    for value in values:
        await ctx.db.insert("notes", {"value": value})


@mutation
async def write_soon(ctx: MutationCtx, name: str, seconds: float) -> None:
    await ctx.scheduler.run_after(seconds, write, name=name, titles=["later"])


@query
async def shouts(ctx: QueryCtx, text: str) -> str:
    print("shouting", text)
    return text.upper()


@mutation
async def fail(ctx: MutationCtx) -> None:
    print("about to fail")
    raise ValueError("nobody is told in production")


@internal_query
async def hidden(ctx: QueryCtx) -> str:
    return "for administrators"
