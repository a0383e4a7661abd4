"""What `Document` is to an author: a pydantic model, and immutable once it is stored."""

import copy
import json
import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, PrivateAttr, ValidationError
from typing_extensions import TypedDict

from reactive import UNSET, Document, Id, Int64, Unset, index
from reactive.errors import UsageError
from reactive.runtime.codec import Codec
from reactive.runtime.document import current_case
from reactive.values.document import StoredDocument

CREATED = 1_700_000_000_000.5
ID = "k57abc"


class Place(BaseModel):
    city: str
    zip_code: str | Unset = UNSET


class Person(Document, table="people"):
    name: str
    sender: Annotated[str, Field(alias="from")] = "nobody"
    tags: list[str] = Field(default_factory=list)
    place: Place | None = None
    nick: str | Unset = UNSET

    by_name = index("name")


class Counter(Document, table="counters"):
    name: str
    value: int = 0


class Tally(Document, table="tallies"):
    name: str
    value: int = 0


class Noted(Document, table="noted"):
    count: int = 0
    weight: float | None = None
    big: Int64 = Int64(0)
    _note: str = PrivateAttr(default="own")


CODECS: dict[type[Document], Codec] = {
    cls: Codec(cls, cls.__table__, "exact") for cls in (Person, Counter, Tally, Noted)
}


def stored(cls: type[Document], id: str = ID, **wire: Any) -> Any:
    """A document as a query finds it."""
    codec = CODECS[cls]
    return codec.load(codec.store({"_id": id, "_creationTime": CREATED, **wire}))


def unreadable(cls: type[Document]) -> Any:
    """A stored document that fails whoever parses it."""
    return CODECS[cls].load(StoredDocument(ID, b"<never parsed>", 10))


def is_parsed(document: Document) -> bool:
    return type(document) in CODECS


def test_stored_document_has_its_fields() -> None:
    person = stored(Person, name="Ada", **{"from": "Bob"}, tags=["x"], place={"city": "Rome"})

    assert person.name == "Ada"
    assert person.sender == "Bob"
    assert person.tags == ["x"]
    assert Place(city="Rome") == person.place
    assert person.nick is UNSET
    assert person.id == ID
    assert person.creation_time == CREATED


def test_stored_document_is_parsed_when_somebody_looks() -> None:
    person = stored(Person, name="Ada")

    assert not is_parsed(person)
    assert isinstance(person, Person)
    assert not is_parsed(person)

    assert person.name == "Ada"
    assert is_parsed(person)


@pytest.mark.parametrize("look", [repr, str, dict, vars, copy.copy, copy.deepcopy])
def test_every_look_sees_the_fields(look: Any) -> None:
    unseen, seen = stored(Counter, name="a", value=3), stored(Counter, name="a", value=3)

    assert seen.name == "a"
    assert look(seen) == look(unseen)
    assert look(seen) == look(unseen), "and goes on seeing them"


def test_filtering_by_a_match_statement() -> None:
    match stored(Counter, name="a", value=3):
        case Counter(name="a", value=value):
            assert value == 3
        case _:
            pytest.fail("a stored Counter is a Counter")


# Equality


def test_equal_documents() -> None:
    assert stored(Counter, name="a") == stored(Counter, name="a")
    assert Counter(name="a") == Counter(name="a")


def test_documents_are_equal_whoever_looked_at_them() -> None:
    seen, unseen = stored(Counter, name="a"), stored(Counter, name="a")

    assert seen.name == "a"
    assert seen == unseen

    unseen = stored(Counter, name="a")

    assert unseen == seen
    assert [seen] == [stored(Counter, name="a")]


def test_unequal_documents() -> None:
    assert stored(Counter, name="a") != stored(Counter, name="b")
    assert stored(Counter, name="a") != stored(Counter, id="other", name="a")
    assert stored(Counter, name="a") != Counter(name="a")
    assert stored(Counter, name="a") != stored(Tally, name="a")
    assert Counter(name="a") != Tally(name="a")
    assert stored(Counter, name="a") != {"name": "a"}


def test_documents_are_not_hashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        {stored(Counter, name="a"): 1}


# Immutability


def write(document: Any) -> None:
    document.value = 1


def overwrite_id(document: Any) -> None:
    document.id = "other"


def remove(document: Any) -> None:
    del document.value


@pytest.mark.parametrize("attempt", [write, overwrite_id, remove])
def test_stored_document_is_immutable(attempt: Any) -> None:
    counter = stored(Counter, name="a")
    with pytest.raises(UsageError) as caught:
        attempt(counter)

    assert caught.value.code == "ImmutableDocument"
    assert "ctx.db.patch" in str(caught.value)
    assert (counter.id, counter.value) == (ID, 0)


def test_own_document_may_be_changed_until_it_is_stored() -> None:
    counter = Counter(name="a")
    counter.value = 5

    assert counter.value == 5


def test_own_document_has_no_id() -> None:
    counter = Counter(name="a")

    assert not hasattr(counter, "id")
    assert not hasattr(counter, "creation_time")
    with pytest.raises(AttributeError, match="a Counter that was not read has no id"):
        _ = counter.id


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, Document.model_copy])
@pytest.mark.parametrize("is_seen", [True, False])
def test_copy_is_a_document_of_ones_own(make: Any, *, is_seen: bool) -> None:
    counter = stored(Counter, name="a", value=3)
    if is_seen:
        assert counter.value == 3
    made = make(counter)
    made.value = 7

    assert Counter(name="a", value=7) == made
    assert counter.value == 3
    assert counter.id == ID
    assert not hasattr(made, "id")


def test_copy_with_changes() -> None:
    made = stored(Counter, name="a", value=3).model_copy(update={"value": 4})

    assert Counter(name="a", value=4) == made


def test_deep_copy_shares_nothing() -> None:
    person = stored(Person, name="Ada", **{"from": "Bob"}, tags=["x"])
    made = copy.deepcopy(person)
    made.tags.append("y")

    assert person.tags == ["x"]


# Showing it


def test_repr_has_id_and_time_and_no_absent_fields() -> None:
    assert f"Counter(id='{ID}', creation_time={CREATED}, name='a', value=3)" == repr(
        stored(Counter, name="a", value=3)
    )
    assert repr(Counter(name="a")) == "Counter(name='a', value=0)"
    assert "nick" not in repr(Person(name="Ada"))


def test_model_dump() -> None:
    person = stored(Person, name="Ada", **{"from": "Bob"}, tags=["x"])

    assert person.model_dump() == {
        "id": ID,
        "creation_time": CREATED,
        "name": "Ada",
        "sender": "Bob",
        "tags": ["x"],
        "place": None,
    }
    assert person.model_dump(by_alias=True) == {
        "_id": ID,
        "_creationTime": CREATED,
        "name": "Ada",
        "from": "Bob",
        "tags": ["x"],
        "place": None,
    }


def test_model_dump_of_an_own_document() -> None:
    assert Counter(name="a").model_dump() == {"name": "a", "value": 0}
    assert Counter(name="a").model_dump(by_alias=True) == {"name": "a", "value": 0}


def test_absent_fields_are_in_no_dump() -> None:
    person = stored(Person, name="UNSET", **{"from": "Bob"})
    kept = {"id": ID, "creation_time": CREATED, "name": "UNSET", "sender": "Bob"}

    for mode in ("python", "json"):
        assert kept.items() <= person.model_dump(mode=mode).items()
        assert "nick" not in person.model_dump(mode=mode)
    assert json.loads(person.model_dump_json()) == person.model_dump(mode="json")
    assert json.loads(person.model_dump_json(by_alias=True, indent=1))["_id"] == ID


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"include": {"name"}}, {"name"}),
        ({"include": {"id", "value"}}, {"id", "value"}),
        ({"exclude": {"id", "creation_time"}}, {"name", "value"}),
        ({"exclude": {"name"}}, {"id", "creation_time", "value"}),
        ({"by_alias": True, "exclude": {"_id"}}, {"_creationTime", "name", "value"}),
    ],
)
def test_model_dump_of_some_fields(options: dict[str, Any], names: set[str]) -> None:
    assert names == set(stored(Counter, name="a", value=3).model_dump(**options))


def test_private_attributes_of_a_stored_document_are_those_of_a_new_one() -> None:
    assert stored(Noted, count=1, weight=None, big={"$integer": "AQAAAAAAAAA="})._note == "own"


@pytest.mark.parametrize(
    ("field", "value"), [("count", Int64(1)), ("weight", Int64(1)), ("big", 1)]
)
def test_numbers_and_bigints_are_not_each_other(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        Noted(**{field: value})


# Making one


def test_names_of_python_and_of_the_wire() -> None:
    assert Person(name="Ada", sender="Bob") == Person.model_validate({"name": "Ada", "from": "Bob"})


def test_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Counter(name="a", colour="red")  # type: ignore[call-arg]


def declare(table: str, **annotations: type) -> None:
    types.new_class(
        "Bad", (Document,), {"table": table}, lambda body: body.update(__annotations__=annotations)
    )


@pytest.mark.filterwarnings("ignore:Field name")
@pytest.mark.parametrize("name", ["id", "creation_time"])
def test_system_fields_cannot_be_declared(name: str) -> None:
    with pytest.raises(UsageError, match=f"Bad.{name}: every document has this field"):
        declare("bad", **{name: str})


@pytest.mark.parametrize("table", ["", "has space", "9lives", "_mine", "é", "x" * 65])
def test_table_names_are_checked(table: str) -> None:
    with pytest.raises(UsageError, match="Bad: "):
        declare(table)


def test_camel_names_on_the_wire() -> None:
    token = current_case.set("camel")
    try:

        class Stamp(Document, table="stamps"):
            first_seen: float
            kind_of: Annotated[Literal["a", "b"], Field(alias="kind")] = "a"
            big_number: Int64 = Int64(1)
            next_one: Id[Counter] | None = None

    finally:
        current_case.reset(token)
    codec = Codec(Stamp, "stamps", "camel")
    stamp = codec.load(
        codec.store({"_id": ID, "_creationTime": CREATED, "firstSeen": 1.5, "kind": "b"})
    )

    assert isinstance(stamp, Stamp)
    assert (stamp.first_seen, stamp.kind_of) == (1.5, "b")
    assert stamp.model_dump(by_alias=True) == {
        "_id": ID,
        "_creationTime": CREATED,
        "firstSeen": 1.5,
        "kind": "b",
        "bigNumber": 1,
        "nextOne": None,
    }
    assert {"id", "creation_time", "first_seen", "kind_of", "big_number", "next_one"} == set(
        stamp.model_dump()
    )


class Dwelling(BaseModel):
    zip_code: str


@dataclass
class Spot:
    lat_deg: float


class Keyed(TypedDict):
    own_key: int


def test_a_dump_by_alias_is_the_wire_form_to_the_bottom() -> None:
    token = current_case.set("camel")
    try:

        class Deep(Document, table="deeps"):
            home_model: Dwelling
            all_places: list[Spot]
            keyed_dict: Keyed

    finally:
        current_case.reset(token)
    codec = Codec(Deep, "deeps", "camel")
    wire = {
        "homeModel": {"zipCode": "1"},
        "allPlaces": [{"latDeg": 1.5}],
        "keyedDict": {"own_key": 1},
    }
    deep = codec.load(codec.store({"_id": ID, "_creationTime": CREATED, **wire}))

    assert deep.model_dump(by_alias=True) == {"_id": ID, "_creationTime": CREATED, **wire}
    assert deep.model_dump()["home_model"] == {"zip_code": "1"}
    # Python code says Python names, of dataclasses as of models.
    by_python = {
        "home_model": {"zip_code": "1"},
        "all_places": [{"lat_deg": 1.5}],
        "keyed_dict": {"own_key": 1},
    }
    assert codec.wire_of(codec.validated(by_python)) == wire


def test_nobody_parses_what_is_only_passed_on() -> None:
    document = unreadable(Counter)

    assert [document][0] is document
    assert isinstance(document, Counter)
    with pytest.raises(Exception, match="JSON"):
        _ = document.name
