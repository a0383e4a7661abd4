"""One function for each kind of annotation, which gives back what it takes."""

import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, TypeVar

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, JsonValue, RootModel, StrictStr
from typing_extensions import TypeAliasType, TypedDict

from reactive import UNSET, ActionCtx, Id, Int64, QueryCtx, Unset, action, query
from schema import Message, User

T = TypeVar("T")
Slug = NewType("Slug", str)
Score = Annotated[int, Field(ge=0)]
Tree = TypeAliasType("Tree", "int | list[Tree] | dict[str, Tree]")
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))


class Color(enum.Enum):
    """What it looks like."""

    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Node(BaseModel):
    """Contains its own kind."""

    label: str
    children: list["Node"] = []
    parent: "Node | None" = None


class Box(BaseModel, Generic[T]):
    content: T
    label: str | Unset = UNSET


class Circle(BaseModel):
    shape: Literal["circle"] = "circle"
    radius: float


class Square(BaseModel):
    shape: Literal["square"] = "square"
    side: float
    color: Color = Color.RED


Shape = Annotated[Circle | Square, Field(discriminator="shape")]


class Options(TypedDict):
    depth: int
    label: NotRequired[str]


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclasses.dataclass
class Span:
    start: int
    end: int = 10


@dataclasses.dataclass
class Range(Generic[T]):
    least: T
    most: T | None = None


class Renamed(BaseModel):
    model_config = ConfigDict(extra="allow")
    in_here: Annotated[str, Field(alias="in")]
    out_only: Annotated[int, Field(serialization_alias="out")] = 1
    described: Annotated[int, Field(description="How many.")] = 0


class Stamps(BaseModel):
    """What JSON writes as text."""

    at: datetime.datetime
    day: datetime.date
    wait: datetime.timedelta
    key: uuid.UUID
    price: decimal.Decimal


class Tags(RootModel[list[str]]):
    """A list with a name."""


@query
async def plain(
    ctx: QueryCtx, nothing: None, flag: bool, whole: int, real: float, big: Int64, text: str
) -> tuple[None, bool, int, float, Int64, str]:
    return nothing, flag, whole, real, big, text


@query
async def raw(ctx: QueryCtx, value: bytes) -> bytes:
    return value


@query
async def lists(
    ctx: QueryCtx,
    many: list[int],
    fixed: tuple[int, str],
    same: tuple[int, ...],
    distinct: set[str],
    some: Sequence[int | None],
    loose: list,  # type: ignore[type-arg]
) -> list[list[int] | list[str | int]]:
    return [many, list(fixed), list(same), sorted(distinct), [len(some), len(loose)]]


@query
async def dicts(
    ctx: QueryCtx,
    counts: dict[str, int],
    named: Mapping[Literal["a", "b"], int],
    colored: dict[Color, int] | Unset = UNSET,
    by_user: dict[Id[User], float] | None = None,
) -> dict[str, dict[str, int]]:
    return {"counts": counts, "named": dict(named)}


@query
async def choices(
    ctx: QueryCtx,
    literal: Literal["a", 1, True, None],
    color: Color,
    level: Level,
    quotes: Literal["it's", 'say "hi"', "né"],
) -> dict[str, Literal["a", 1, True, None] | Color | Level]:
    return {"literal": literal, "color": color, "level": level}


@query
async def optional(
    ctx: QueryCtx,
    nullable: str | None,
    defaulted: str = "x",
    absent: str | Unset = UNSET,
    both: str | Unset | None = UNSET,
) -> list[str | None]:
    return [nullable, defaulted, None if absent is UNSET else absent]


@query
async def whatever(ctx: QueryCtx, value: Any, other: object, unknown) -> Any:  # type: ignore[no-untyped-def]
    return [value, other, unknown]


@query
async def times(
    ctx: QueryCtx,
    at: datetime.datetime,
    day: datetime.date,
    wait: datetime.timedelta,
    key: uuid.UUID,
    price: decimal.Decimal,
) -> list[datetime.datetime | datetime.date | datetime.timedelta | uuid.UUID | decimal.Decimal]:
    return [at, day, wait, key, price]


@query
async def stamped(ctx: QueryCtx, value: Stamps) -> Stamps:
    return value


@query
async def tree(ctx: QueryCtx, node: Node) -> Node:
    return node


@query
async def aliases(ctx: QueryCtx, tree: Tree, pair: Pair[int], json: JsonValue) -> Tree:
    return [tree, *pair]


@query
async def boxes(ctx: QueryCtx, ints: Box[int], texts: Box[list[str]]) -> Box[Box[int]]:
    return Box[Box[int]](content=ints)


@query
async def shapes(ctx: QueryCtx, shape: Shape, more: list[Shape] = []) -> list[Shape]:  # noqa: B006
    return [shape, *more]


@query
async def typed_dict(ctx: QueryCtx, options: Options) -> Options:
    return options


@query
async def point(ctx: QueryCtx, value: Point) -> Point:
    return value


@query
async def span(ctx: QueryCtx, value: Span, range: Range[int]) -> Range[Span]:
    return Range(value)


@query
async def renamed(ctx: QueryCtx, value: Renamed) -> Renamed:
    return value


@query
async def root(ctx: QueryCtx, value: Tags) -> Tags:
    return value


@query
async def names(ctx: QueryCtx, slug: Slug, score: Score, strict: StrictStr, url: HttpUrl) -> Slug:
    return slug


@query
async def ids(
    ctx: QueryCtx,
    user: Id[User],
    file: Id["_storage"],
    job: Id["_scheduled_functions"],
    any: Id[Any],
) -> Id["audit"] | None:
    return None


@query
async def documents(ctx: QueryCtx, message: Message) -> dict[str, User] | User | None:
    return None


@query
async def keywords(
    ctx: QueryCtx,
    new: Annotated[int, Field(alias="new")],
    hyphen: Annotated[int, Field(alias="content-length")] = 0,
    digit: Annotated[int, Field(alias="2nd")] = 0,
) -> int:
    return new + hyphen + digit


@action
async def odd(ctx: ActionCtx, call: Callable[[int], int] | None, ages: dict[int, str]) -> complex:
    return 1j
