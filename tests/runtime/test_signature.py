"""Arguments in and results out, by the annotations of a function."""

import datetime
import enum
import typing
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from reactive import UNSET, Document, Id, Int64, PaginationOptions, PaginationResult, Unset
from reactive.errors import CallError, ProjectError
from reactive.runtime.codec import Codec
from reactive.runtime.signature import Signature
from reactive.runtime.types import table_numbers
from reactive.runtime.validators import wire_names_of
from reactive.values.document import StoredDocument
from reactive.values.encoding import from_wire
from reactive.values.ids import encode_id

USERS, POSTS = 10_001, 10_002
ZERO = Int64(0)


class User(Document, table="users"):
    name: str


class Mood(enum.Enum):
    GOOD = "good"


class Address(BaseModel):
    city: str
    zip_code: str | None = None


def of(handler: Any, case: str = "exact") -> Signature:
    return Signature("mod:fn", handler, wire_names_of(case))


def called(handler: Any, wire: dict[str, Any], case: str = "exact") -> dict[str, Any]:
    """The keyword arguments of a call that a client makes."""
    token = table_numbers.set({"users": USERS, "posts": POSTS}.__getitem__)
    try:
        return of(handler, case).arguments(from_wire(wire))
    finally:
        table_numbers.reset(token)


def refused(handler: Any, wire: dict[str, Any], case: str = "exact") -> str:
    with pytest.raises(CallError) as caught:
        called(handler, wire, case)

    assert caught.value.code == "ArgumentValidationError"
    assert caught.value.message.startswith("ArgumentValidationError: ")
    assert "mod:fn" in caught.value.message
    return caught.value.message


async def plain(ctx: object, name: str, count: int = 3, nick: str | None = None) -> None: ...


def test_arguments_and_defaults() -> None:
    assert called(plain, {"name": "x"}) == {"name": "x", "count": 3, "nick": None}
    assert called(plain, {"nick": "n", "count": 5.0, "name": "x"}) == {
        "name": "x",
        "count": 5,
        "nick": "n",
    }
    assert called(plain, {"name": "x", "nick": None}) == {"name": "x", "count": 3, "nick": None}


def test_default_may_be_changed_by_one_call_only() -> None:
    async def handler(ctx: object, tags: list[str] = []) -> None: ...  # noqa: B006

    signature = of(handler)
    signature.arguments({})["tags"].append("x")

    assert signature.arguments({}) == {"tags": []}


@pytest.mark.parametrize(
    ("wire", "where", "reason"),
    [
        ({}, "name", "missing the required field `name`"),
        ({"name": "x", "colour": 1}, "colour", "extra field `colour`"),
        ({"name": 5}, "name", "string"),
        ({"name": None}, "name", "string"),
        ({"name": "x", "count": None}, "count", "integer"),
        ({"name": "x", "count": "3"}, "count", "integer"),
        ({"name": "x", "count": True}, "count", "integer"),
        ({"name": "x", "count": 1.5}, "count", "integer"),
        ({"name": "x", "count": {"$integer": "AQAAAAAAAAA="}}, "count", "not a bigint"),
        ({"name": "x", "nick": 5}, "nick", "string"),
        ({"name": "x", "ctx": 1}, "ctx", "extra field `ctx`"),
    ],
)
def test_mistake_names_the_argument(wire: dict[str, Any], where: str, reason: str) -> None:
    message = refused(plain, wire)

    assert f"Path: .{where}\n" in message
    assert reason in message


def test_all_mistakes_are_named() -> None:
    message = refused(plain, {"count": "3", "colour": 1})

    assert all(f"Path: .{where}\n" in message for where in ("name", "count", "colour"))


def test_long_value_is_not_repeated_at_length() -> None:
    assert len(refused(plain, {"name": "x", "count": "y" * 10_000})) < 1_000


def test_what_a_field_says_beside_its_alias_holds() -> None:
    async def handler(
        ctx: object, sender: Annotated[str, Field(alias="from", max_length=3)]
    ) -> None: ...

    assert called(handler, {"from": "ada"}) == {"sender": "ada"}
    assert "Path: .from\nString should have at most 3 characters" in refused(
        handler, {"from": "grace"}
    )


def test_member_of_a_union_is_called_as_in_python() -> None:
    async def handler(ctx: object, count: int | bool = 0) -> None: ...

    assert "Path: .count.int\nInput should be a valid integer" in refused(handler, {"count": "1"})


def test_what_may_be_left_out_is_refused_for_what_it_should_be() -> None:
    async def handler(
        ctx: object,
        model: str | Unset = UNSET,
        counts: list[int | Unset] | Unset = UNSET,
        either: int | str | Unset = UNSET,
    ) -> None: ...

    for wire, path in (({"model": 5}, ".model"), ({"counts": [1, "x"]}, ".counts.1")):
        message = refused(handler, wire)
        assert f"Path: {path}\n" in message
        assert message.count("Path: ") == 1
    assert refused(handler, {"either": [1]}).count("Path: .either.") == 2
    assert "Unset" not in refused(handler, {"either": [1]})


def test_default_may_be_a_field() -> None:
    async def handler(
        ctx: object,
        limit: int = Field(default=5, ge=1),
        sender: str = Field("me", alias="from"),
        tags: list[str] = Field(default_factory=list),  # noqa: B008
        depth: Annotated[int, Field(default=2, le=3)] = Field(default=1),
        needed: int = Field(lt=9),
    ) -> None: ...

    assert called(handler, {"needed": 1}) == {
        "limit": 5,
        "sender": "me",
        "tags": [],
        "depth": 1,
        "needed": 1,
    }
    assert called(handler, {"needed": 1, "from": "ada"})["sender"] == "ada"
    assert of(handler).optional == {"limit", "sender", "tags", "depth"}
    assert "Path: .limit\n" in refused(handler, {"limit": 0, "needed": 1})
    assert "Path: .depth\n" in refused(handler, {"depth": 4, "needed": 1})
    assert "missing the required field `needed`" in refused(handler, {})


def test_default_of_the_annotation_holds() -> None:
    async def handler(ctx: object, count: Annotated[int, Field(default=7)]) -> None: ...

    assert called(handler, {}) == {"count": 7}


async def typed(
    ctx: object,
    big: Int64 = ZERO,
    ratio: float = 0.0,
    raw: bytes = b"",
    mood: Mood = Mood.GOOD,
    kind: Literal["a", 1] = "a",
    day: datetime.date | None = None,
    address: Address | None = None,
    numbers: list[int] | dict[str, int] | None = None,
    anything: Any = None,
    gone: int | Unset = UNSET,
    small: Annotated[int, Field(ge=1, le=3)] = 1,
) -> None: ...


@pytest.mark.parametrize(
    ("name", "wire", "value"),
    [
        ("big", {"$integer": "BwAAAAAAAAA="}, Int64(7)),
        ("ratio", 1.0, 1.0),
        ("ratio", {"$float": "AAAAAAAA8H8="}, float("inf")),
        ("raw", {"$bytes": "AP8="}, b"\x00\xff"),
        ("mood", "good", Mood.GOOD),
        ("kind", 1.0, 1),
        ("day", "2026-01-02", datetime.date(2026, 1, 2)),
        ("address", {"city": "Rome"}, Address(city="Rome")),
        ("numbers", [1.0, 2.0], [1, 2]),
        ("numbers", {"a": 1.0}, {"a": 1}),
        ("anything", {"$integer": "BwAAAAAAAAA="}, Int64(7)),
        ("anything", [{"a": None}], [{"a": None}]),
        ("gone", 1.0, 1),
        ("small", 3.0, 3),
    ],
)
def test_value_is_converted(name: str, wire: object, value: object) -> None:
    found = called(typed, {name: wire})[name]

    assert value == found
    assert type(value) is type(found)


@pytest.mark.parametrize(
    ("name", "wire", "reason"),
    [
        ("big", 7.0, "Int64"),
        ("big", "7", "Int64"),
        ("ratio", {"$integer": "BwAAAAAAAAA="}, "not a bigint"),
        ("ratio", "1.0", "number"),
        ("raw", "text", "bytes"),
        ("mood", "bad", "'good'"),
        ("kind", 2.0, "'a' or 1"),
        ("day", "yesterday", "date"),
        ("address", {}, "missing the required field `city`"),
        ("numbers", ["a"], ""),
        ("gone", None, ""),
        ("small", 4.0, "less than or equal to 3"),
    ],
)
def test_value_of_the_wrong_type_is_refused(name: str, wire: object, reason: str) -> None:
    message = refused(typed, {name: wire})

    assert f"Path: .{name}" in message
    assert reason in message


# Ids


class Post(Document, table="posts"):
    title: str


async def by_id(ctx: object, user: Id[User], post: Id[Post] | None = None) -> None: ...


def test_id_of_the_table() -> None:
    user, post = encode_id(USERS, bytes(16)), encode_id(POSTS, bytes(16))
    found = called(by_id, {"user": user, "post": post})

    assert {"user": user, "post": post} == found
    assert type(found["user"]) is Id


@pytest.mark.parametrize(
    "text", ["", "no id", encode_id(POSTS, bytes(16)), encode_id(USERS, bytes(16)).upper(), 5, None]
)
def test_what_is_no_id_of_the_table_is_refused(text: object) -> None:
    message = refused(by_id, {"user": text})

    assert "Path: .user\n" in message
    assert "id" in message


# Names


async def spelled(
    ctx: object, from_: Annotated[str, Field(alias="from")], page_size: int = 10
) -> None: ...


@pytest.mark.parametrize(
    ("case", "wire"),
    [
        ("exact", {"from": "x", "page_size": 5}),
        ("exact", {"from_": "x", "page_size": 5}),
        ("camel", {"from": "x", "pageSize": 5}),
        # Python code calls with its own names, whatever the wire's are.
        ("camel", {"from_": "x", "page_size": 5}),
    ],
)
def test_wire_names_and_python_names(case: str, wire: dict[str, Any]) -> None:
    assert called(spelled, wire, case) == {"from_": "x", "page_size": 5}


def test_name_of_another_case_is_unknown() -> None:
    assert "extra field `pageSize`" in refused(spelled, {"from": "x", "pageSize": 5})


def test_mistake_is_told_in_the_wires_names() -> None:
    assert "Path: .pageSize\n" in refused(spelled, {"from": "x", "pageSize": "5"}, "camel")
    assert "Path: .from\n" in refused(spelled, {}, "camel")


def test_fields_of_nested_models_are_camel_too() -> None:
    async def handler(ctx: object, address: Address) -> None: ...

    assert {"address": Address(city="Rome", zip_code="1")} == called(
        handler, {"address": {"city": "Rome", "zipCode": "1"}}, "camel"
    )
    assert "zip_code" not in refused(handler, {"address": {"zipCode": 5}}, "camel")


def test_names_that_pydantic_has_for_itself() -> None:
    async def handler(ctx: object, copy: str, model_config: int, _own: int = 3) -> None: ...

    assert called(handler, {"copy": "x", "model_config": 1}) == {
        "copy": "x",
        "model_config": 1,
        "_own": 3,
    }
    assert "extra field `a0`" in refused(handler, {"a0": "x", "model_config": 1})


class Branch(BaseModel):
    twigs: "list[Branch]" = []


def test_a_type_that_holds_itself() -> None:
    async def handler(ctx: object, branch: Branch, count: int = 1) -> None: ...

    found = called(handler, {"branch": {"twigs": [{"twigs": []}]}})

    assert found == {"branch": Branch(twigs=[Branch()]), "count": 1}
    assert "Path: .branch.twigs.0.leaf" in refused(handler, {"branch": {"twigs": [{"leaf": 1}]}})


def test_any_further_arguments() -> None:
    async def handler(ctx: object, name: str, **rest: Any) -> None: ...

    assert called(handler, {"name": "x", "a": 1, "b": [2]}) == {"name": "x", "a": 1, "b": [2]}


def test_further_arguments_have_their_type() -> None:
    async def handler(ctx: object, name: str, **rest: int | None) -> None: ...

    assert called(handler, {"name": "x", "a": 1, "b": None}) == {"name": "x", "a": 1, "b": None}
    assert "Path: .a" in refused(handler, {"name": "x", "a": "1"})


@pytest.mark.parametrize("case", ["exact", "camel"])
def test_pagination_options_have_convexs_names(case: str) -> None:
    async def handler(ctx: object, pagination_opts: PaginationOptions) -> None: ...

    name = "paginationOpts" if case == "camel" else "pagination_opts"
    wire = {"numItems": 10.0, "cursor": None, "endCursor": "e", "id": -1.0, "maximumRowsRead": 5.0}
    options = called(handler, {name: wire}, case)["pagination_opts"]

    assert (
        options.num_items,
        options.cursor,
        options.end_cursor,
        options.id,
        options.maximum_rows_read,
    ) == (10, None, "e", -1, 5)
    assert f"Path: .{name}.numItems\n" in refused(handler, {name: {"cursor": None}}, case)


# Functions that cannot be


def without_async(ctx: object) -> None: ...


async def without_context() -> None: ...


async def keyword_context(*, ctx: object) -> None: ...


async def positional(ctx: object, name: str, /) -> None: ...


async def starred(ctx: object, *names: str) -> None: ...


async def unknown_type(ctx: object, name: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (without_async, "async def"),
        (without_context, "the first parameter must be the context"),
        (keyword_context, "the first parameter must be the context"),
        (positional, "name cannot be given by name"),
        (starred, "names cannot be given by name"),
        (unknown_type, "Nowhere"),
    ],
)
def test_function_that_cannot_be_called_is_refused(handler: Any, reason: str) -> None:
    with pytest.raises(ProjectError) as caught:
        of(handler)

    assert "mod:fn" in caught.value.message
    assert reason in caught.value.message


# Results


def result(annotation: Any, value: object) -> object:
    async def handler(ctx: object) -> None: ...

    handler.__annotations__["return"] = annotation
    return of(handler).result(value)


def document() -> Any:
    """One that fails whoever parses it."""
    return Codec(User, "users", "exact").load(StoredDocument("id1", b"<never parsed>", 5))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (None, None),
        (str, "x"),
        (bool, True),
        (int, 5),
        (int | None, None),
        (list[int], [1, 2]),
        (dict[str, int], {"a": 1}),
        (Any, object),
        (Address, Address(city="Rome")),
        (list[Address], [Address(city="Rome")]),
        (Int64, Int64(5)),
    ],
)
def test_result_that_fits(annotation: Any, value: object) -> None:
    assert value == result(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "wrap"),
    [
        (User, lambda each: each),
        (User | None, lambda each: each),
        (list[User], lambda each: [each]),
        (list[User | None], lambda each: [each, None]),
        (PaginationResult[User], lambda each: page([each])),
    ],
)
def test_documents_are_checked_without_a_look(annotation: Any, wrap: Any) -> None:
    value = wrap(document())

    assert value is result(annotation, value)


def page(items: list[Any]) -> PaginationResult[Any]:
    return PaginationResult[Any].model_construct(page=items, is_done=True, continue_cursor="c")


def test_result_is_converted() -> None:
    assert Address(city="Rome") == result(Address, {"city": "Rome"})
    assert [Address(city="Rome")] == result(list[Address], [{"city": "Rome"}])


def test_page_may_hold_what_was_made_of_its_documents() -> None:
    found = result(PaginationResult[Address], page([{"city": "Rome"}]))

    assert isinstance(found, PaginationResult)
    assert [Address(city="Rome")] == found.page


def test_list_of_anything_is_a_result() -> None:
    assert [1, "a"] == result(typing.List, [1, "a"])  # noqa: UP006


@pytest.mark.parametrize(
    ("annotation", "value", "where"),
    [
        (str, 5, ""),
        (None, 5, ""),
        (list[str], ["a", 5], "1"),
        (User, {"nickname": "x"}, "name"),
        (list[User], [object()], "0"),
        (dict[str, int], {"a": "b"}, "a"),
        (PaginationResult[str], page(["a", 5]), "1"),
    ],
)
def test_result_that_does_not_fit_names_the_function(
    annotation: Any, value: object, where: str
) -> None:
    with pytest.raises(CallError) as caught:
        result(annotation, value)

    assert caught.value.code == "ReturnsValidationError"
    assert "mod:fn" in caught.value.message
    assert f"Path: .{where}" in caught.value.message


class Cat(BaseModel):
    pet_kind: Literal["cat"]


class Dog(BaseModel):
    pet_kind: Literal["dog"]


async def adopt(
    ctx: object, pet: Annotated[Cat | Dog, Field(discriminator="pet_kind")]
) -> None: ...


@pytest.mark.parametrize("name", ["petKind", "pet_kind"])
def test_tag_of_a_union_has_its_wire_name(name: str) -> None:
    assert Dog(pet_kind="dog") == called(adopt, {"pet": {name: "dog"}}, case="camel")["pet"]
    assert "pet" in refused(adopt, {"pet": {name: "cow"}}, case="camel")
