"""One annotation at a time."""

import collections
import dataclasses
import datetime
import decimal
import enum
import re
import typing
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    TypeVar,
    Union,
)

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    RootModel,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypeAliasType, TypedDict

from reactive import UNSET, Document, Id, Int64, PaginationOptions, PaginationResult, Unset
from tests.codegen.harness import declared, generated, types_of

T = TypeVar("T")
Text = TypeVar("Text", bound=str)
Either = TypeVar("Either", int, str)
Slug = NewType("Slug", str)

# To type checkers the name of a table is a type that is not defined.
ANY_ID: Any = Id
FILE_ID: Any = ANY_ID["_storage"]


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Mixed(enum.Enum):
    ONE = 1
    HALF = 0.5
    WHOLE = 2.0
    HUGE = 10**20
    NOTHING = None
    PAIR = (1, "a")
    BIG = Int64(5)


class Empty(enum.Enum):
    pass


SAME = [
    (None, "null"),
    (type(None), "null"),
    (bool, "boolean"),
    (int, "number"),
    (float, "number"),
    (Int64, "bigint"),
    (str, "string"),
    (bytes, "ArrayBuffer"),
    (Any, "any"),
    (object, "any"),
    (Slug, "string"),
    (Annotated[int, Field(ge=0), {"not": "hashable"}], "number"),
    (list[int], "number[]"),
    (list[int | None], "(number | null)[]"),
    (list[list[str]], "string[][]"),
    (list, "any[]"),
    (typing.List, "any[]"),  # noqa: UP006 - the old spelling is an annotation too
    (Sequence[str], "string[]"),
    (tuple[int, ...], "number[]"),
    (tuple[int, str], "[number, string]"),
    (tuple[()], "[]"),
    (tuple, "any[]"),
    (dict[str, int], "Record<string, number>"),
    (dict, "Record<string, any>"),
    (Mapping[str, list[int]], "Record<string, number[]>"),
    (dict[Any, int], "Record<string, number>"),
    (dict[Literal["a", "b"], int], 'Partial<Record<"a" | "b", number>>'),
    (dict[Color, int], "Partial<Record<Color, number>>"),
    (dict[Slug, int], "Record<string, number>"),
    (dict[FILE_ID, int], 'Record<Id<"_storage">, number>'),
    (dict[FILE_ID | str, int], 'Record<Id<"_storage"> | string, number>'),
    (collections.Counter[str], "Record<string, number>"),
    (collections.Counter, "Record<string, number>"),
    (collections.OrderedDict[str, bool], "Record<string, boolean>"),
    (Literal["a"], '"a"'),
    (Literal["a", 1, -1, True, False, None], '"a" | 1 | -1 | true | false | null'),
    (Literal[Color.RED, 2], '"red" | 2'),
    (Literal["it's"], '"it\'s"'),
    (Literal['"', "\\", "\n"], '\'"\' | "\\\\" | "\\n"'),
    (str | None, "string | null"),
    (None | str, "string | null"),
    (Optional[int], "number | null"),  # noqa: UP045
    (Union[int, float, str], "number | string"),  # noqa: UP007
    (int | Any, "any"),
    (T, "any"),
    (Text, "string"),
    (Either, "number | string"),
    (datetime.datetime, "string"),
    (datetime.date, "string"),
    (datetime.time, "string"),
    (datetime.timedelta, "string"),
    (uuid.UUID, "string"),
    (decimal.Decimal, "string"),
    (Id, "Id<TableNames>"),
    (Id[Any], "Id<TableNames>"),
    (ANY_ID["_scheduled_functions"], 'Id<"_scheduled_functions">'),
    (ANY_ID["nothing_known"], 'Id<"nothing_known">'),
    (PaginationOptions, "PaginationOptions"),
    (PaginationResult[int], "PaginationResult<number>"),
    (PaginationResult, "PaginationResult<any>"),
    (Color, "Color"),
]


@pytest.mark.parametrize(("annotation", "text"), SAME, ids=lambda value: str(value))
def test_arguments_and_results_alike(annotation: Any, text: str) -> None:
    argument, result, files = types_of(annotation)

    assert (text, text) == (argument, result)
    assert [] == files.warnings


@pytest.mark.parametrize(
    ("annotation", "argument", "result", "warning"),
    [
        (set[int], "number[]", "number[]", "m:f: result: a set cannot be sent; make it a list"),
        (frozenset, "any[]", "any[]", "a frozenset cannot be sent"),
        (collections.deque[int], "number[]", "number[]", "a deque cannot be sent"),
        (HttpUrl, "string", "any", "m:f: result: HttpUrl has no TypeScript type; it is `any`"),
        (typing.Callable[[int], str], "any", "any", "m:f: argument value: typing.Callable"),
        (dict[int, str], "any", "any", "m:f: argument value: a dict whose keys are not strings"),
        (Json[list[int]], "string", "number[]", None),
    ],
    ids=lambda value: str(value),
)
def test_what_has_no_form_is_told(
    annotation: Any, argument: str, result: str, warning: str | None
) -> None:
    found = types_of(annotation)

    assert (argument, result) == found[:2]
    assert (warning is None) == (found[2].warnings == [])
    if warning is not None:
        assert warning in "\n".join(found[2].warnings)


def test_iterable_is_no_result() -> None:
    assert "Iterable cannot be sent" in types_of(Iterable[int])[2].warnings[0]


def test_missing_return_annotation_is_any() -> None:
    async def f(ctx: object):  # type: ignore[no-untyped-def]
        return 1

    text = re.sub(r"\s+", " ", generated(f).files["api.d.ts"])

    assert 'FunctionReference<"query", "public", Record<string, never>, any>' in text


def test_enums() -> None:
    _, _, files = types_of(tuple[Color, Mixed, Empty])

    assert '"red" | "blue"' == declared(files, "Color")
    assert '1 | 0.5 | 2 | number | [1, "a"] | 5n | null' == (
        declared(files, "Mixed").removeprefix("| ")
    )
    assert "never" == declared(files, "Empty")


def test_default_is_optional_for_who_sends_and_there_for_who_is_sent() -> None:
    class Settings(BaseModel):
        needed: int
        given: int = 1
        made: list[int] = Field(default_factory=list)
        absent: str | Unset = UNSET
        nullable: str | None

    argument, result, files = types_of(Settings)

    assert ("SettingsInput", "Settings") == (argument, result)
    assert declared(files, "SettingsInput") == (
        "{ needed: number; given?: number; made?: number[]; absent?: string;"
        " nullable: string | null; }"
    )
    assert declared(files, "Settings") == (
        "{ needed: number; given: number; made: number[]; absent?: string;"
        " nullable: string | null; }"
    )


def test_class_without_defaults_is_declared_once() -> None:
    class Leaf(BaseModel):
        value: int

    class Branch(BaseModel):
        leaves: list[Leaf]
        also: "dict[str, Branch] | None"

    argument, result, files = types_of(Branch)

    assert ("Branch", "Branch") == (argument, result)
    assert "Input" not in files.files["dataModel.d.ts"]


def test_difference_deep_inside_reaches_what_contains_it() -> None:
    class Tip(BaseModel):
        value: int = 1

    class Stem(BaseModel):
        tip: Tip
        root: "Root | None"

    class Root(BaseModel):
        stems: list[Stem]

    Stem.model_rebuild(_types_namespace={"Root": Root})
    argument, result, files = types_of(Root)

    assert ("RootInput", "Root") == (argument, result)
    assert "{ tip: TipInput; root: RootInput | null; }" == declared(files, "StemInput")
    assert "{ tip: Tip; root: Root | null; }" == declared(files, "Stem")


def test_aliases_of_either_direction() -> None:
    class Named(BaseModel):
        both: int = Field(alias="in")
        sent: int = Field(serialization_alias="Sent")
        taken: int = Field(validation_alias="Taken")
        chosen: int = Field(validation_alias=AliasChoices(AliasPath("a", 0), "Chosen"))
        deep: int = Field(validation_alias=AliasPath("a", 1))

    _, _, files = types_of(Named)

    assert declared(files, "NamedInput") == (
        "{ in: number; sent: number; Taken: number; Chosen: number; deep: number; }"
    )
    assert declared(files, "Named") == (
        "{ in: number; Sent: number; taken: number; chosen: number; deep: number; }"
    )


def test_camel_case_is_for_names_and_not_for_keys() -> None:
    class Inner(BaseModel):
        two_words: int
        own_name: Annotated[int, Field(alias="as_is")]

    class Keys(TypedDict):
        two_words: int

    @dataclasses.dataclass
    class Data:
        two_words: int

    _, result, files = types_of(tuple[Inner, Keys, Data], case="camel")

    assert "[Inner, Keys, Data]" == result
    assert "{ twoWords: number; as_is: number; }" == declared(files, "Inner")
    assert "{ two_words: number; }" == declared(files, "Keys")
    assert "{ twoWords: number; }" == declared(files, "Data")


def test_arguments_have_wire_names() -> None:
    async def list_all(
        ctx: object, first_name: str, kind: Annotated[str, Field(alias="class")], **rest: int
    ) -> None: ...

    text = re.sub(r"\s+", " ", generated(list_all, case="camel").files["api.d.ts"])

    assert "listAll: FunctionReference<" in text
    assert "{ firstName: string; class: string; [key: string]: any }" in text


def test_extra_fields() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        known: int

    _, _, files = types_of(Open)

    assert "{ known: number; [key: string]: any; }" == declared(files, "Open")


def test_root_model_is_its_value() -> None:
    class Names(RootModel[dict[str, int]]):
        pass

    _, _, files = types_of(Names)

    assert "Record<string, number>" == declared(files, "Names")


def test_generic_classes_have_the_names_of_their_arguments() -> None:
    class Box(BaseModel, Generic[T]):
        content: T

    @dataclasses.dataclass
    class Holder(Generic[T]):
        box: Box[T]
        all: list[T]

    argument, _, files = types_of(tuple[Box[int], Box[list[str]], Box, Holder[bool]])  # type: ignore[type-arg]

    assert "[BoxInt, BoxListStr, Box, HolderBool]" == argument
    assert "{ content: string[]; }" == declared(files, "BoxListStr")
    assert "{ content: any; }" == declared(files, "Box")
    assert "{ box: BoxBool; all: boolean[]; }" == declared(files, "HolderBool")


def test_dataclasses() -> None:
    @dataclasses.dataclass
    class Plain:
        """Written by hand."""

        a: int
        b: int = 1
        c: list[int] = dataclasses.field(default_factory=list)
        d: int = dataclasses.field(default=0, init=False)

    @pydantic_dataclass
    class Checked:
        b: int = Field(gt=0)
        a: int = Field(alias="A", default=1)

    _, _, files = types_of(tuple[Plain, Checked])

    assert "{ a: number; b?: number; c?: number[]; }" == declared(files, "PlainInput")
    assert "{ a: number; b: number; c: number[]; d: number; }" == declared(files, "Plain")
    assert "{ b: number; A?: number; }" == declared(files, "CheckedInput")
    assert "{ b: number; a: number; }" == declared(files, "Checked")
    assert files.files["dataModel.d.ts"].count("Written by hand.") == 2


def test_typed_dicts() -> None:
    class Options(TypedDict, total=False):
        a: int
        b: typing.Required[str]

    class More(Options):
        c: typing.NotRequired[bool]
        d: None

    _, _, files = types_of(More)

    assert "{ a?: number; b: string; c?: boolean; d: null; }" == declared(files, "More")


def test_named_tuples() -> None:
    class Point(NamedTuple):
        x: float
        y: float = 0.0

    _, _, files = types_of(Point)

    assert "[x: number, y?: number]" == declared(files, "PointInput")
    assert "[x: number, y: number]" == declared(files, "Point")


Tree = TypeAliasType("Tree", "int | list[Tree] | dict[str, Tree]")
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))


def test_type_aliases() -> None:
    argument, _, files = types_of(tuple[Tree, Pair[str]])

    assert "[Tree, PairStr]" == argument
    assert "number | Tree[] | { [key: string]: Tree }" == declared(files, "Tree")
    assert "[string, string]" == declared(files, "PairStr")


def test_tag_of_a_discriminated_union_has_to_be_sent() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"] = "cat"
        lives: int = 9

    class Dog(BaseModel):
        kind: Literal["dog"] = "dog"

    class Home(BaseModel):
        pet: Cat | Dog = Field(discriminator="kind")

    _, _, files = types_of(Home)

    assert '{ kind: "cat"; lives?: number; }' == declared(files, "CatInput")
    assert '{ kind: "dog"; }' == declared(files, "Dog")


def test_classes_of_one_name_are_told_apart() -> None:
    def make() -> type[BaseModel]:
        class Doc(BaseModel):
            value: int

        return Doc

    class Record(BaseModel):
        value: int

    argument, _, _ = types_of(tuple[make(), make(), Record])  # type: ignore[misc]

    assert "[Doc2, Doc3, Record2]" == argument


def test_descriptions_and_docstrings() -> None:
    class Told(BaseModel):
        """First line.

        Second */ line.
        """

        value: int = Field(description="How many.")

    class Untold(Told):
        pass

    _, _, files = types_of(tuple[Told, Untold])
    text = files.files["dataModel.d.ts"]

    assert "/**\n * First line.\n *\n * Second *\\/ line.\n */\nexport type Told = {" in text
    assert "  /** How many. */\n  value: number;\n" in text
    assert "\n\nexport type Untold = {" in text


def test_documents() -> None:
    class Person(Document, table="people"):
        """Somebody."""

        name: str
        age: int = 0
        friend: Id["people"] | None  # type: ignore[name-defined]  # noqa: F821
        home: Id["houses"] | Unset = UNSET  # type: ignore[name-defined]  # noqa: F821

    async def f(ctx: object, person: Person) -> list[Person | None]:
        return [person]

    async def g(ctx: object, any: Document) -> Document:
        return any

    files = generated(f, g, tables=[Person])
    api = re.sub(r"\s+", " ", files.files["api.d.ts"])

    assert '{ person: PersonInput }, (Doc<"people"> | null)[]' in api
    assert "{ any: AnyDocumentInput }, AnyDocument" in api
    assert declared(files, "Person") == (
        '{ _id: Id<"people">; _creationTime: number; name: string; age: number;'
        ' friend: Id<"people"> | null; home?: Id<"houses">; }'
    )
    assert declared(files, "PersonInput") == (
        '{ name: string; age?: number; friend: Id<"people"> | null; home?: Id<"houses">; }'
    )
    assert declared(files, "IdTableNames") == 'TableNames | "houses"'
