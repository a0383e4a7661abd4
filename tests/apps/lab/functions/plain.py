"""A module with a default function, which clients call by the module alone."""

from reactive import QueryCtx, query


@query(name="default")
async def greet(ctx: QueryCtx, name: str = "world") -> str:
    return f"hello {name}"
