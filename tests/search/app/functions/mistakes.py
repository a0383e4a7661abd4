"""Searches that are wrong."""

from collections.abc import Callable
from typing import Any

from reactive import QueryCtx, query
from schema import Note

MISTAKES: dict[str, Callable[[Any], Any]] = {
    "no search": lambda q: q.with_search_index("search_body", lambda s: s.eq("channel", "x")),
    "unknown index": lambda q: q.with_search_index(
        "search_bodies", lambda s: s.search("body", "x")
    ),
    "plain index": lambda q: q.with_search_index("by_key", lambda s: s.search("key", "x")),
    "search as plain": lambda q: q.with_index("search_body"),
    "other field": lambda q: q.with_search_index("search_body", lambda s: s.search("key", "x")),
    "other filter": lambda q: q.with_search_index(
        "search_body", lambda s: s.search("body", "x").eq("key", "x")
    ),
    "filter twice": lambda q: q.with_search_index(
        "search_body", lambda s: s.search("body", "x").eq("channel", "x").eq("channel", "y")
    ),
    "search twice": lambda q: q.with_search_index(
        "search_body", lambda s: s.search("body", "x").search("body", "y")
    ),
    "no text": lambda q: q.with_search_index("search_body", lambda s: s.search("body", 5)),
    "ordered after": lambda q: q.with_search_index(
        "search_body", lambda s: s.search("body", "x")
    ).order("desc"),
    "ordered before": lambda q: q.order("asc").with_search_index(
        "search_body", lambda s: s.search("body", "x")
    ),
    "index before": lambda q: q.with_index("by_key", key="x").with_search_index(
        "search_body", lambda s: s.search("body", "x")
    ),
    "index after": lambda q: q.with_search_index(
        "search_body", lambda s: s.search("body", "x")
    ).with_index("by_key", key="x"),
    "two searches": lambda q: q.with_search_index(
        "search_body", lambda s: s.search("body", "x")
    ).with_search_index("search_bio", lambda s: s.search("profile.bio", "x")),
}


@query
async def make(ctx: QueryCtx, mistake: str) -> list[str]:
    return [each.key for each in await MISTAKES[mistake](ctx.db.query(Note)).collect()]
