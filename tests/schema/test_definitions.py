"""Indexes that cannot be: each is refused at the start with class, index and reason."""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType

import pytest
from pydantic import BaseModel, Field

from reactive import UNSET, Document, Id, Int64, Unset, index, search_index, vector_index
from reactive.errors import ProjectError
from reactive.runtime.schema import Schema

Embedding = NewType("Embedding", list[float])


class Address(BaseModel):
    city: str
    lines: list[str] = Field(default_factory=list)


@dataclass
class Point:
    lat_deg: float
    label: Annotated["str | None", Field(max_length=9)] = None


class Open(BaseModel, extra="allow"):
    known: str = ""


class Base(Document):
    name: str
    text: str | None = None
    tags: list[str] = Field(default_factory=list)
    address: Address | Unset = UNSET
    second: Annotated[Address | None, Field(alias="zweite")] = None
    open: Open | None = None
    point: Point | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    any: Any = None
    vector: list[float] = Field(default_factory=list)
    maybe: list[float] | None = None
    new: Embedding | Unset = UNSET
    pair: tuple[float, ...] = ()
    number: float = 0.0
    big: Int64 = Int64(0)
    kind: Literal["a"] = "a"
    friend: Id[Any] | None = None


def specs(case: str = "exact", **indexes: Any) -> Schema:
    """The schema of a table that has these indexes."""

    def fill(namespace: dict[str, Any]) -> None:
        namespace.update({"__module__": __name__, **indexes})

    return Schema([types.new_class("Item", (Base,), {"table": "items"}, fill)], case)


def refusal(**indexes: Any) -> str:
    """What is said of indexes that cannot be."""
    with pytest.raises(ProjectError) as caught:
        specs(**indexes)
    return caught.value.message


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (index(), "index Item.by_x has no fields"),
        (index("name", "name"), "index Item.by_x names a field twice"),
        (index(*"abcdefghijklmnopq"), "index Item.by_x has 17 fields (limit: 16)"),
        (index("nothing"), "names the field 'nothing', which does not exist"),
        (index("_id"), "_id ends every index and cannot be named"),
        (index("id"), "id ends every index and cannot be named"),
        (index("_creationTime"), "_creationTime ends every index and cannot be named"),
        (index("name", "creation_time"), "creation_time ends every index and cannot be named"),
        (index("address.street"), "'address.street', which does not exist: 'address' has no field"),
        (index("second.street"), "'second.street', which does not exist: 'zweite' has no field"),
        (index("name.first"), "'name.first', which does not exist: 'name' has no field 'first'"),
        (index("tags.first"), "'tags.first', which does not exist: 'tags' has no field 'first'"),
        (index("kind.x"), "'kind' has no field 'x'"),
        (index("friend.name"), "'friend' has no field 'name'"),
        (index("address.city.zip"), "'address.city' has no field 'zip'"),
        (index(5), "names a field by its name, which 5 is not"),  # type: ignore[arg-type]
        (search_index("nothing"), "search index Item.by_x names the field 'nothing'"),
        (search_index("number"), "search index Item.by_x needs a field of type str; 'number'"),
        (search_index("tags"), "needs a field of type str"),
        (
            search_index("name", filter_fields=["tags", "tags"]),
            "search index Item.by_x names a filter field twice",
        ),
        (
            search_index("name", filter_fields=[f"extra.f{n}" for n in range(17)]),
            "search index Item.by_x has 17 filter fields (limit: 16)",
        ),
        (vector_index("nothing", dimensions=3), "vector index Item.by_x names the field 'nothing'"),
        (
            vector_index("name", dimensions=3),
            "vector index Item.by_x needs a field of type list[float]; 'name' is none",
        ),
        (vector_index("tags", dimensions=3), "needs a field of type list[float]"),
        (vector_index("number", dimensions=3), "needs a field of type list[float]"),
        (vector_index("address", dimensions=3), "needs a field of type list[float]"),
        (vector_index("extra", dimensions=3), "needs a field of type list[float]"),
        (vector_index("vector", dimensions=1), "has 1 dimensions; it can have 2 to 4096"),
        (vector_index("vector", dimensions=4097), "has 4097 dimensions; it can have 2 to 4096"),
        (vector_index("vector", dimensions=2.5), "has 2.5 dimensions"),  # type: ignore[arg-type]
        (
            vector_index("vector", dimensions=3, filter_fields=["_id"]),
            "vector index Item.by_x: _id ends every index and cannot be named",
        ),
        (
            vector_index("vector", dimensions=3, filter_fields=[f"extra.f{n}" for n in range(17)]),
            "vector index Item.by_x has 17 filter fields (limit: 16)",
        ),
    ],
)
def test_one_index(made: Any, message: str) -> None:
    assert message in refusal(by_x=made)


@pytest.mark.parametrize("name", ["by_id", "by_creation_time"])
def test_reserved_names(name: str) -> None:
    assert f"index Item.{name}: the name is reserved" in refusal(**{name: index("name")})


@pytest.mark.parametrize("name", ["_x", "ä", "x" * 65])
def test_names_that_are_none(name: str) -> None:
    assert f"index Item.{name} is no name for an index" in refusal(**{name: index("name")})


def test_the_same_fields_twice() -> None:
    message = refusal(by_a=index("name", "text"), by_b=index("name", "text"))
    assert "index Item.by_b has the same fields as by_a: name, text" in message
    # In another order they are another index.
    specs(by_a=index("name", "text"), by_b=index("text", "name"))
    message = refusal(by_a=search_index("name"), by_b=search_index("name", filter_fields=["text"]))
    assert "index Item.by_b has the same search field as by_a: name" in message
    message = refusal(
        by_a=vector_index("vector", dimensions=2), by_b=vector_index("vector", dimensions=3)
    )
    assert "index Item.by_b has the same vector field as by_a: vector" in message


def test_too_many() -> None:
    plain = {f"by_{n}": index(f"extra.f{n}") for n in range(65)}
    assert "table items has 65 indexes (limit: 64)" in refusal(**plain)
    texts = {f"by_{n}": search_index(f"extra.f{n}") for n in range(5)}
    assert "table items has 5 search indexes (limit: 4)" in refusal(**texts)
    vectors = {f"by_{n}": vector_index(f"extra.f{n}", dimensions=2) for n in range(5)}
    assert "table items has 5 vector indexes (limit: 4)" in refusal(**vectors)


@pytest.mark.parametrize("field", ["vector", "maybe", "new", "pair", "any", "extra.inside"])
def test_fields_that_may_hold_vectors(field: str) -> None:
    specs(by_vector=vector_index(field, dimensions=2))


def test_fields_inside_of_dataclasses() -> None:
    schema = specs("camel", by_point=index("point.lat_deg"), by_words=search_index("point.label"))
    (spec,) = (spec for spec in schema.specs if spec.name == "items")
    assert spec.indexes == {"by_point": (("point", "latDeg"),)}
    assert "'point.nope', which does not exist" in refusal(by_nope=index("point.nope"))


class Early(Document, table="early"):
    later: "Id[Later] | None" = None
    parts: "list[Part]" = Field(default_factory=list)

    by_later = index("later")


class Part(BaseModel):
    name: str


class Later(Document, table="later"):
    first: Early | None = None


class Lost(Document, table="lost"):
    found: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


def test_a_class_may_name_one_that_comes_later() -> None:
    schema = Schema([Early, Later], "exact")
    codec = schema.codec("early")
    assert codec.wire_of(codec.validated({"parts": [{"name": "a"}]}))["parts"] == [{"name": "a"}]


def test_a_class_that_never_comes_is_named() -> None:
    with pytest.raises(ProjectError, match=r"schema: Lost: .*Nowhere"):
        Schema([Lost], "exact")


def test_fields_inside_of_others() -> None:
    schema = specs(
        by_city=index("address.city", "second.city"),
        by_open=index("open.known", "open.unknown.deep"),
        by_extra=index("extra.a.b", "any.c"),
    )
    (spec,) = (spec for spec in schema.specs if spec.name == "items")
    assert spec.indexes == {
        "by_city": (("address", "city"), ("zweite", "city")),
        "by_open": (("open", "known"), ("open", "unknown", "deep")),
        "by_extra": (("extra", "a", "b"), ("any", "c")),
    }
