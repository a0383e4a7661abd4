"""What `Codec.patched` makes of a stored document is what a check of the whole document makes."""

import contextlib
import enum
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from reactive import UNSET, Document, Id, Int64, Unset
from reactive.errors import ReactiveError, UsageError
from reactive.runtime.codec import Codec
from reactive.runtime.document import current_case
from reactive.runtime.types import table_numbers
from reactive.values.ids import encode_id

CREATED = 1_700_000_000_000.0
OWN, OTHER = encode_id(7, bytes(16)), encode_id(8, bytes(16))


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    city: str
    zip_code: str | Unset = UNSET


class Plain(Document, table="plains"):
    """Fields that can be checked one by one."""

    name: str
    count: int
    rate: float | None = None
    nick: str | Unset = UNSET
    short: Annotated[str, Field(max_length=3)] = "abc"
    kind: Literal["a", "b", 5] = "a"
    color: Color = Color.RED
    big: Int64 | None = None
    mixed: int | str | bool | Unset = UNSET
    owner: "Id[Plain] | Unset" = UNSET
    tags: list[str] = Field(default_factory=list)
    numbers: list[int | float] | Unset = UNSET
    anything: Any = None
    fixed: Annotated[int, Field(frozen=True)] = 3
    sender: Annotated[str, Field(alias="from")] = "nobody"


class Summed(Document, table="summed"):
    """Its fields depend on each other."""

    low: int
    high: int = 10

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Growing(Document, table="growing"):
    """A value that is checked again is not the same any more."""

    name: str
    marks: Annotated[str, AfterValidator(lambda text: text + "!")] = ""


class Neighbours(Document, table="neighbours"):
    low: int
    high: int

    @field_validator("high")
    @classmethod
    def check(cls, high: int, info: ValidationInfo) -> int:
        if high < info.data.get("low", high):
            raise ValueError("high is below low")
        return high


class Trimmed(Document, table="trimmed"):
    model_config = ConfigDict(str_strip_whitespace=True)

    name: str
    other: str = ""


class Nested(Document, table="nested"):
    name: str
    place: Place | None = None


class Open(Document, table="opens"):
    model_config = ConfigDict(extra="allow")

    name: str


_case = current_case.set("camel")


class Renamed(Document, table="renamed"):
    name: str
    last_owner: Id[Plain] | None = None
    full_name: str | Unset = UNSET


current_case.reset(_case)

CODECS: dict[type[Document], Codec] = {
    cls: Codec(cls, cls.__table__, "camel" if cls is Renamed else "exact")
    for cls in (Plain, Summed, Growing, Neighbours, Trimmed, Nested, Open, Renamed)
}


@contextlib.contextmanager
def numbers() -> Iterator[None]:
    """As within a function: the tables have numbers, by which ids are checked."""
    token = table_numbers.set({"plains": 7}.__getitem__)
    try:
        yield
    finally:
        table_numbers.reset(token)


def whole(codec: Codec, wire: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The same by reading the document, changing it and checking all of it."""
    document = codec.parse(wire)
    values = {**document.__dict__, **(document.model_extra or {})}
    spelled = {wire: name for name, wire in codec.names.items()}
    for name, value in changes.items():
        values[name if name in codec.names else spelled.get(name, name)] = value
    made = codec.wire_of(
        codec.validated({name: value for name, value in values.items() if value is not UNSET})
    )
    return {**made, "_id": wire["_id"], "_creationTime": wire["_creationTime"]}


def outcome(codec: Codec, make: Any, *args: Any) -> Any:
    try:
        return codec.store(make(*args)).json
    except ReactiveError as error:
        return type(error), error.code, str(error)


values = st.sampled_from(
    [
        *("", "abc", "abcd", " padded ", "a", "red", OWN, OTHER, UNSET, None, True, False),
        *(0, 1, -1, 5, 12, 2**53, 2**53 + 1, 1.5, 5.0, -0.0, float("nan"), Int64(5), b"raw"),
        *(Color.BLUE, ["x"], [1, 2.5], [], {"a": [1]}, {"city": "Rome"}, {"_a": 1}, object()),
    ]
)
unknown = st.sampled_from(["colour", "_x", "", "has space"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Codec, dict[str, Any], dict[str, Any]]:
    """A codec, a stored document that fits its class, and changes that may not."""
    codec = CODECS[draw(st.sampled_from(list(CODECS)))]
    names = sorted({*codec.names, *codec.names.values()})
    fields: dict[str, Any] = {"name": "x", "count": 1, "low": 1, "high": 2}
    fields = {name: value for name, value in fields.items() if name in codec.names}
    for name, value in draw(st.dictionaries(st.sampled_from(names), values)).items():
        try:
            codec.wire_of(codec.validated({**fields, name: value}))
        except ReactiveError:
            continue
        fields[name] = value
    wire = codec.wire_of(codec.validated(fields))
    # Some were stored before the class had the field.
    for name in draw(st.sets(st.sampled_from(sorted(wire)))):
        rest = {other: value for other, value in wire.items() if other != name}
        with contextlib.suppress(ValidationError):
            codec.parse(rest)
            wire = rest
    changes = draw(st.dictionaries(st.sampled_from(names) | unknown, values, max_size=3))
    return codec, {**wire, "_id": OWN, "_creationTime": CREATED}, changes


@given(st.data())
def test_patching_is_checking_the_whole(data: st.DataObject) -> None:
    with numbers():
        codec, wire, changes = data.draw(cases())
        before = repr(wire)
        expected = outcome(codec, whole, codec, wire, changes)

        assert outcome(codec, codec.patched, wire, changes) == expected
        assert repr(wire) == before


def plain(**fields: Any) -> dict[str, Any]:
    codec = CODECS[Plain]
    made = codec.wire_of(codec.validated({"name": "x", "count": 1, **fields}))
    return {**made, "_id": OWN, "_creationTime": CREATED}


def test_only_what_changes_is_checked() -> None:
    """Else a patch of one field would cost as much as the document is large."""
    codec = CODECS[Plain]
    misfit = {**plain(), "count": "none"}

    assert codec.patched(misfit, {"name": "y"}) == {**misfit, "name": "y"}
    with pytest.raises(ValueError, match="count"):
        codec.patched(misfit, {"nick": UNSET})


@pytest.mark.parametrize(
    ("cls", "stored", "changes"),
    [
        (Summed, {"low": 1.0, "high": 2.0}, {"low": 3}),
        (Neighbours, {"low": 1.0, "high": 2.0}, {"low": 3}),
    ],
)
def test_what_looks_at_several_fields_looks_at_all(
    cls: type[Document], stored: dict[str, Any], changes: dict[str, Any]
) -> None:
    wire = {**stored, "_id": OWN, "_creationTime": CREATED}
    with pytest.raises(UsageError, match=r"low is above high|high is below low"):
        CODECS[cls].patched(wire, changes)


def test_a_default_that_came_later_is_written() -> None:
    wire = {name: value for name, value in plain().items() if name != "short"}

    assert CODECS[Plain].patched(wire, {"count": 2})["short"] == "abc"


def test_unset_removes_a_field_or_brings_its_default_back() -> None:
    codec = CODECS[Plain]
    wire = plain(nick="n", short="x")

    assert "nick" not in codec.patched(wire, {"nick": UNSET})
    assert codec.patched(wire, {"short": UNSET})["short"] == "abc"


def test_an_id_of_another_table_is_refused() -> None:
    codec = CODECS[Plain]
    with numbers():
        assert codec.patched(plain(), {"owner": OWN})["owner"] == OWN
        with pytest.raises(UsageError, match="an id of table 'plains'"):
            codec.patched(plain(), {"owner": OTHER})


def test_python_or_wire_names() -> None:
    codec = CODECS[Renamed]
    wire = {"name": "x", "lastOwner": None, "_id": OWN, "_creationTime": CREATED}

    for name in ("last_owner", "lastOwner"):
        assert codec.patched(wire, {name: OWN}) == {**wire, "lastOwner": OWN}
