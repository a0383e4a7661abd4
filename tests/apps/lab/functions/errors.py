"""Functions that fail, each in its own way."""

import enum
from typing import Any

from pydantic import BaseModel

from reactive import (
    UNSET,
    ActionCtx,
    ApplicationError,
    Int64,
    MutationCtx,
    QueryCtx,
    Unset,
    action,
    mutation,
    query,
)


class Reason(enum.Enum):
    FULL = "full"


DATA: dict[str, Any] = {"code": "NOPE", "count": Int64(7), "list": [1.5, None]}


@query(name="boomQuery")
async def boom_query(ctx: QueryCtx) -> None:
    raise ValueError("the query went boom")


@mutation(name="boomMutation")
async def boom_mutation(ctx: MutationCtx) -> None:
    raise ValueError("the mutation went boom")


@action(name="boomAction")
async def boom_action(ctx: ActionCtx) -> None:
    raise ValueError("the action went boom")


@query(name="dataQuery")
async def data_query(ctx: QueryCtx) -> None:
    raise ApplicationError(DATA)


@mutation(name="dataMutation")
async def data_mutation(ctx: MutationCtx) -> None:
    raise ApplicationError(DATA)


@action(name="dataAction")
async def data_action(ctx: ActionCtx) -> None:
    raise ApplicationError(DATA)


@query(name="textQuery")
async def text_query(ctx: QueryCtx) -> None:
    raise ApplicationError("only a text")


@query(name="nullQuery")
async def null_query(ctx: QueryCtx) -> None:
    raise ApplicationError(None)


class Refusal(BaseModel):
    reason: Reason
    hint: str | Unset = UNSET


@query(name="modelQuery")
async def model_query(ctx: QueryCtx) -> None:
    raise ApplicationError(Refusal(reason=Reason.FULL))


@query
async def arguments(
    ctx: QueryCtx, whole: int, text: str, flag: bool = False
) -> str:  # the type is what is tested
    return f"{whole} {text} {flag}"


@query
async def optional(ctx: QueryCtx, text: str | Unset = UNSET) -> str:
    """An argument that may be absent, but not null."""
    return "absent" if text is UNSET else str(text)


@mutation
async def logged(ctx: MutationCtx, text: str) -> None:
    print("said", text)  # a print is a log line of the function


@query
async def logged_query(ctx: QueryCtx, text: str) -> str:
    print("asked", text)  # a print is a log line of the function
    return text


@mutation
async def chatty(ctx: MutationCtx, lines: int) -> None:
    for number in range(lines):
        print("line", number)  # a print is a log line of the function
