"""`Codec`, documents into storage and out of it; `Encoder`, results out to clients."""

import datetime
import decimal
import enum
import json
import uuid
from collections import namedtuple
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import BaseModel, Field, RootModel

from reactive import UNSET, Document, Id, Int64, PaginationResult, Unset
from reactive.errors import CallError, LimitError, UsageError
from reactive.limits import DEFAULT_LIMITS, MIB
from reactive.runtime.codec import Codec, Encoder
from reactive.runtime.document import any_document
from reactive.values.document import StoredDocument
from reactive.values.encoding import NotAValueError, from_wire

CREATED = 1_700_000_000_000.0


class Place(BaseModel):
    city: str
    zip_code: str | Unset = UNSET


class Birthday(BaseModel):
    day: datetime.date


class Names(RootModel[list[str]]):
    pass


class Flat(Document, table="flats"):
    """Nothing in it can be changed behind the encoder's back."""

    name: str
    count: int = 0
    nick: str | Unset = UNSET
    kind: Literal["a", "b"] = "a"


class Deep(Document, table="deeps"):
    name: str
    sender: Annotated[str, Field(alias="from")] = "nobody"
    tags: list[str] = Field(default_factory=list)
    place: Place | None = None


class Values(Document, table="values"):
    big: Int64 = Int64(0)
    raw: bytes = b""
    number: float = 0.0
    anything: Any = None


FLAT = Codec(Flat, "flats", "exact")
DEEP = Codec(Deep, "deeps", "exact")
VALUES = Codec(Values, "values", "exact")


def stored(codec: Codec, id: str = "id1", **wire: Any) -> Any:
    return codec.load(codec.store({"_id": id, "_creationTime": CREATED, **wire}))


def raw(codec: Codec, text: bytes) -> Any:
    """A document whose text is no JSON: whoever parses it fails."""
    return codec.load(StoredDocument("id1", text, len(text)))


def sent(value: object, case: str = "exact") -> Any:
    """A result as a client has it."""
    return json.loads(Encoder(case).encode(value))


# In and out of storage


def test_store_and_load() -> None:
    wire = VALUES.wire_of(
        Values(big=Int64(7), raw=b"\x00\xff", number=1.5, anything={"a": [None, True]})
    )

    assert wire == {
        "big": {"$integer": "BwAAAAAAAAA="},
        "raw": {"$bytes": "AP8="},
        "number": 1.5,
        "anything": {"a": [None, True]},
    }

    found = stored(VALUES, **wire)

    assert isinstance(found, Values)
    assert (7, Int64) == (found.big, type(found.big))
    assert (found.raw, found.number, found.anything) == (b"\x00\xff", 1.5, {"a": [None, True]})


def test_absent_fields_are_not_stored() -> None:
    assert FLAT.wire_of(Flat(name="x")) == {"name": "x", "count": 0.0, "kind": "a"}
    assert FLAT.wire_of(Flat(name="x", nick="n"))["nick"] == "n"


def test_wire_has_the_aliases() -> None:
    wire = DEEP.wire_of(Deep(name="x", sender="Bob", place=Place(city="Rome")))

    assert wire == {"name": "x", "from": "Bob", "tags": [], "place": {"city": "Rome"}}


def test_stored_text_is_made_once_with_sorted_keys() -> None:
    document = FLAT.store({"_id": "id1", "_creationTime": 1.0, "name": "x", "count": 2.0})

    assert document.json == b'{"_creationTime":1.0,"_id":"id1","count":2.0,"name":"x"}'
    assert document.id == "id1"


@pytest.mark.parametrize(
    ("values", "where", "reason"),
    [
        ({}, "name", "missing the required field `name`"),
        ({"name": 5}, "name", "valid string"),
        ({"name": "x", "colour": 1}, "colour", "extra field `colour`"),
        ({"name": "x", "kind": "c"}, "kind", "'a' or 'b'"),
        ({"name": "x", "count": "1"}, "count", "integer"),
        ({"name": "x", "count": 1.5}, "count", "integer"),
        ({"name": "x", "count": True}, "count", "integer"),
        ({"name": "x", "count": Int64(1)}, "count", "not a bigint"),
    ],
)
def test_document_that_does_not_fit_names_table_field_and_reason(
    values: dict[str, Any], where: str, reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        FLAT.validated(values)

    assert caught.value.code == "SchemaEnforcementError"
    assert "flats" in caught.value.message
    assert f"field {where}: " in caught.value.message
    assert reason in caught.value.message


def test_number_is_no_int64() -> None:
    with pytest.raises(UsageError, match=r"field big: .*Int64"):
        VALUES.validated({"big": 5})


def test_fields_go_by_either_name() -> None:
    assert DEEP.validated({"name": "x", "sender": "B"}) == DEEP.validated(
        {"name": "x", "from": "B"}
    )


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), 1j, range(3), Exception("x"), {"a": {5}}, [object()], 2**53 + 1]
)
def test_what_is_no_value_is_not_stored(value: object) -> None:
    with pytest.raises(NotAValueError) as caught:
        VALUES.wire_of(Values(anything=value))

    assert "anything" in caught.value.message


@pytest.mark.parametrize("name", ["", "_hidden", "$x", "é", "x\n", "y" * 1_025])
def test_nested_names_are_checked(name: str) -> None:
    for nested in ({name: 1}, [{"fine": {name: 1}}]):
        with pytest.raises((UsageError, CallError)) as caught:
            VALUES.wire_of(Values(anything=nested))

        assert caught.value.code == "InvalidFieldName"
        assert "anything" in caught.value.message


def test_document_nests_sixteen_deep() -> None:
    def nested(depth: int) -> Any:
        return 1 if depth == 0 else [nested(depth - 1)]

    VALUES.wire_of(Values(anything=nested(DEFAULT_LIMITS.document_depth_max - 1)))
    with pytest.raises(LimitError) as caught:
        VALUES.wire_of(Values(anything=nested(DEFAULT_LIMITS.document_depth_max)))

    assert caught.value.code == "TooNestedError"


def test_document_has_a_size() -> None:
    wire = {"_id": "id1", "_creationTime": 1.0, "name": "x" * (MIB - 100)}
    FLAT.store(wire)
    with pytest.raises(LimitError) as caught:
        FLAT.store(wire | {"name": "x" * MIB})

    assert caught.value.code == "ValueTooLargeError"
    assert "flats" in caught.value.message
    assert str(MIB) in caught.value.message


def test_table_without_a_class_takes_any_fields() -> None:
    cls = any_document("loose")
    codec = Codec(cls, "loose", "exact")
    document = codec.validated({"name": "x", "nested": {"a": 1}, "gone": UNSET})

    assert codec.wire_of(document) == {"name": "x", "nested": {"a": 1.0}}

    found = stored(codec, name="x", nested={"a": 1.0})

    assert found.name == "x"
    assert (found.model_dump()) == {
        "id": "id1",
        "creation_time": CREATED,
        "name": "x",
        "nested": {"a": 1},
    }


@pytest.mark.parametrize("name", ["_x", "has space", "9", "$a"])
def test_table_without_a_class_checks_its_names(name: str) -> None:
    codec = Codec(any_document("loose"), "loose", "exact")
    with pytest.raises(UsageError) as caught:
        codec.wire_of(codec.validated({name: 1}))

    assert caught.value.code == "InvalidFieldName"
    assert "loose" in caught.value.message


# Documents in results


def test_document_is_passed_on_as_it_is_stored() -> None:
    encoder = Encoder("exact")

    assert encoder.encode(raw(FLAT, b"<a>")) == b"<a>"
    assert encoder.encode([raw(FLAT, b"<a>"), raw(DEEP, b"<b>")]) == b"[<a>,<b>]"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda document: {"found": document, "n": 1},
        lambda document: (document, None),
        lambda document: [document, None],
        lambda document: [[document]],
        lambda document: PaginationResult[Any].model_construct(
            page=[document], is_done=True, continue_cursor="c"
        ),
    ],
)
def test_document_within_something_is_not_parsed(wrap: Any) -> None:
    assert b'{"never":"parsed"}' in Encoder("exact").encode(wrap(raw(FLAT, b'{"never":"parsed"}')))


def test_document_whose_id_is_asked_for_is_not_parsed() -> None:
    document = raw(FLAT, b"<a>")

    assert (document.id, type(document.id)) == ("id1", Id)
    assert Encoder("exact").encode(document) == b"<a>"


def test_text_that_has_changed_is_parsed_again() -> None:
    """What was made of a document's text is kept by its id."""
    for count in (1.0, 2.0, 2.0, 3.0):
        found = stored(FLAT, name="x", count=count)

        assert found.count == count


@pytest.mark.parametrize(("letters", "parses"), [(10, 1), (10_000, 2)])
def test_what_was_made_of_a_large_document_is_not_kept(
    letters: int, parses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def parsed(wire: Any) -> Any:
        made.append(wire)
        return from_wire(wire)

    monkeypatch.setattr("reactive.runtime.codec.from_wire", parsed)
    for _ in range(2):
        assert len(stored(FLAT, name="y" * letters, count=1.0).name) == letters

    assert len(made) == parses


def test_document_that_cannot_have_changed_is_passed_on_after_a_look() -> None:
    flat = stored(FLAT, name="x", count=2.0)

    assert flat.name == "x"
    assert (
        Encoder("exact").encode(flat)
    ) == b'{"_creationTime":1700000000000.0,"_id":"id1","count":2.0,"name":"x"}'


def test_changed_list_within_a_document_is_encoded_again() -> None:
    deep = stored(DEEP, name="x", tags=["a"], place={"city": "Rome"}, **{"from": "Bob"})
    deep.tags.append("b")
    expected = {
        "_id": "id1",
        "_creationTime": CREATED,
        "name": "x",
        "from": "Bob",
        "tags": ["a", "b"],
        "place": {"city": "Rome"},
    }

    assert expected == sent(deep)
    assert [expected] == sent([deep])
    assert {"d": expected} == sent({"d": deep})

    deep.place.city = "Oslo"

    assert expected | {"place": {"city": "Oslo"}} == sent(deep)


def test_document_of_ones_own_has_no_id() -> None:
    assert sent(Flat(name="x")) == {"name": "x", "count": 0, "kind": "a"}
    assert sent(Deep(name="x", sender="B")) == {"name": "x", "from": "B", "tags": [], "place": None}


def test_copy_of_a_document_is_encoded_with_its_changes() -> None:
    copy = stored(FLAT, name="x", count=2.0).model_copy(update={"count": 3})

    assert sent(copy) == {"name": "x", "count": 3, "kind": "a"}


# Other results


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Point:
    x_axis: int
    y_axis: float | Unset = UNSET


class Box(BaseModel):
    top_left: Point
    label: Annotated[str, Field(alias="class")] = "none"
    extra: dict[str, Any] = Field(default_factory=dict)
    gone: int | Unset = UNSET


class Pair(NamedTuple):
    left: int
    right: int


Trio = namedtuple("Trio", "a b c")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (5, 5.0),
        (1.5, 1.5),
        ("Grüße 🌍", "Grüße 🌍"),
        (Int64(1), {"$integer": "AQAAAAAAAAA="}),
        (b"\x00", {"$bytes": "AA=="}),
        (bytearray(b"\x00"), {"$bytes": "AA=="}),
        (float("inf"), {"$float": "AAAAAAAA8H8="}),
        (-0.0, {"$float": "AAAAAAAAAIA="}),
        ([], []),
        ((1, "a"), [1, "a"]),
        (Pair(1, 2), [1, 2]),
        (Trio(1, 2, 3), [1, 2, 3]),
        ({"a": {"b": [1]}}, {"a": {"b": [1]}}),
        ({"a": UNSET, "b": 1}, {"b": 1}),
        (UNSET, None),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Point(1), {"x_axis": 1}),
        (
            Box.model_validate({"top_left": Point(1, 2), "class": "c", "extra": {"k": Colour.RED}}),
            {"top_left": {"x_axis": 1, "y_axis": 2}, "class": "c", "extra": {"k": "red"}},
        ),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00Z"),
        (datetime.timedelta(seconds=90), "PT1M30S"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (decimal.Decimal("1.50"), "1.50"),
        ({"when": [datetime.date(2026, 1, 2)]}, {"when": ["2026-01-02"]}),
        (Birthday(day=datetime.date(2026, 1, 2)), {"day": "2026-01-02"}),
        ([Names(["a"])], [["a"]]),
    ],
)
def test_result(value: object, expected: object) -> None:
    assert expected == sent(value)


def test_numbers_are_written_as_floats() -> None:
    # The Python HTTP client of Convex refuses a JSON integer.
    assert Encoder("exact").encode({"a": [5, 0, -3]}) == b'{"a":[5.0,0.0,-3.0]}'


def test_camel_names_of_models_but_not_of_dicts() -> None:
    box = Box(top_left=Point(1, 2), extra={"a_key": Point(3)})

    assert sent(box, case="camel") == {
        "topLeft": {"xAxis": 1, "yAxis": 2},
        "class": "none",
        "extra": {"a_key": {"xAxis": 3}},
    }


def test_page_has_the_names_that_hooks_know() -> None:
    page = PaginationResult[Any].model_construct(
        page=[1], is_done=False, continue_cursor="c", split_cursor=None, page_status=None
    )
    expected = {
        "page": [1],
        "isDone": False,
        "continueCursor": "c",
        "splitCursor": None,
        "pageStatus": None,
    }

    assert expected == sent(page)
    assert expected == sent(page, case="camel")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({1, 2}, ""),
        (object(), ""),
        ({"a": [object()]}, ".a[0]"),
        (Point(x_axis=object()), ".x_axis"),  # type: ignore[arg-type]
        ({"a": {5: 1}}, "5"),
        ({"$a": 1}, "$a"),
        ({"é": 1}, "é"),
        (2**53 + 1, "Int64"),
        ({"a": "\ud800"}, ""),
        ([1, {"a": [UNSET]}], "[1].a[0]: UNSET cannot be an item"),
    ],
)
def test_what_is_no_value_is_not_sent(value: object, where: str) -> None:
    with pytest.raises(CallError) as caught:
        Encoder("exact").encode(value)

    assert where in caught.value.message


def test_result_is_bounded() -> None:
    encoder = Encoder("exact")
    most = DEFAULT_LIMITS.array_items_max
    documents = [raw(FLAT, b"1")] * (most + 1)

    assert most == len(json.loads(encoder.encode(documents[:most])))
    for too_long in (documents, list(range(most + 1))):
        with pytest.raises(LimitError) as caught:
            encoder.encode(too_long)

        assert caught.value.code == "ArrayTooLong"
    with pytest.raises(LimitError) as caught:
        encoder.encode({f"f{n}": n for n in range(DEFAULT_LIMITS.object_fields_max + 1)})

    assert caught.value.code == "TooManyFieldsError"
    with pytest.raises(LimitError) as caught:
        encoder.encode(["x" * MIB] * 16)

    assert caught.value.code == "ReturnValueTooLarge"
    assert str(16 * MIB) in caught.value.message


def test_result_of_escapes_is_measured_by_its_value() -> None:
    # Six bytes of JSON for a character that counts as one.
    text = "\x01" * (4 * MIB)

    assert text == sent(text)


def test_every_encoding_is_counted() -> None:
    encoder = Encoder("exact")
    encoder.encode(1)
    encoder.encode([raw(FLAT, b"1")])
    encoder.encode({})

    assert encoder.encodings == 3
