"""Functions that give back what they are given, one folder down."""

from typing import Any

from reactive import ActionCtx, Int64, MutationCtx, QueryCtx, action, mutation, query


@query(name="query")
async def echo_query(ctx: QueryCtx, value: Any = None) -> Any:
    return value


@mutation(name="mutation")
async def echo_mutation(ctx: MutationCtx, value: Any = None) -> Any:
    return value


@action(name="action")
async def echo_action(ctx: ActionCtx, value: Any = None) -> Any:
    return value


@query
async def kinds(ctx: QueryCtx, value: Any) -> str:
    """What Python type a wire value became."""
    return type(value).__name__


@query
async def typed(
    ctx: QueryCtx, whole: int, real: float, big: Int64, text: str, data: bytes
) -> dict[str, Any]:
    assert type(whole) is int
    assert type(real) is float
    assert isinstance(big, Int64)
    assert type(text) is str
    assert type(data) is bytes
    return {"whole": whole, "real": real, "big": big, "text": text, "data": data}


@query
async def convert(ctx: QueryCtx, big: Int64) -> dict[str, Any]:
    return {"number": int(big), "next": Int64(int(big) + 1)}


@query
async def big_number(ctx: QueryCtx, exponent: int) -> int:
    return int(2**exponent)


@query
async def result_is_checked(ctx: QueryCtx, value: Any) -> int:
    return value  # type: ignore[no-any-return]
