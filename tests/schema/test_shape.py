"""Two classes that take the same documents have one shape; others never do."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from reactive.runtime.document import Document
from reactive.runtime.loader import load_project
from reactive.runtime.shape import shape_of
from tests.runtime.harness import own_modules

HEAD = """
from enum import Enum
from typing import Annotated, Any, Literal
from pydantic import AfterValidator, BaseModel, Field, field_validator
from reactive import UNSET, Document, Id, Int64, Unset, index

class Color(Enum):
    RED = "red"

class Inner(BaseModel):
    a: int = 0

class Tree(BaseModel):
    children: list["Tree"] = []

def check(value):
    return value
"""

# Each takes other documents than every other.
BODIES = [
    "x: int",
    "x: int = 1",
    "y: int",
    "x: float",
    "x: str",
    "x: str | None = None",
    "x: str | Unset = UNSET",
    "x: Int64",
    "x: Any",
    'x: Literal["a"]',
    'x: Literal["a", "b"]',
    "x: Color",
    "x: Inner",
    "x: Tree",
    "x: list[int]",
    "x: dict[str, int]",
    'x: Id["users"]',
    'x: Id["items"]',
    "x: int | str",
    "x: Annotated[int, Field(le=5)]",
    "x: Annotated[int, Field(le=6)]",
    'x: Annotated[str, Field(pattern="a+")]',
    'x: Annotated[str, Field(pattern="b+")]',
    'x: int = Field(alias="ex")',
    "x: Annotated[int, AfterValidator(check)]",
    "x: int\n    y: int = 1",
]


def shapes(tmp_path: Any, text: str, source: Callable[[], str], case: str = "exact") -> list[str]:
    """The shapes of a schema's own tables."""
    (tmp_path / "functions").mkdir(exist_ok=True)
    (tmp_path / "schema.py").write_text(HEAD + text)
    with own_modules():
        project = load_project(tmp_path, case)
    found = project.schema.codecs
    classes: list[type[Document]] = [
        codec.cls for name, codec in found.items() if not name.startswith("_")
    ]
    return [shape_of(cls, case, source) for cls in classes]


def tables(bodies: list[str]) -> str:
    return "".join(
        f'\nclass Table{n}(Document, table="t{n}"):\n    {body}\n' for n, body in enumerate(bodies)
    )


def as_one(body: str) -> str:
    return f'\nclass Item(Document, table="items"):\n    {body}\n'


def test_every_body_has_a_shape_of_its_own(tmp_path: Any) -> None:
    each = [shapes(tmp_path, as_one(body), lambda: "")[0] for body in BODIES]
    same = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(zip(BODIES, each, strict=True), 2)
        if a == b
    ]
    assert same == []


def test_another_import_has_the_same_shape(tmp_path: Any) -> None:
    text = tables(BODIES)
    assert shapes(tmp_path, text, lambda: "") == shapes(tmp_path, text, lambda: "")


def test_what_is_no_part_of_a_document_changes_no_shape(tmp_path: Any) -> None:
    def shape(body: str, before: str = "") -> str:
        return shapes(tmp_path, before + as_one(body), lambda: "")[-1]

    other = "\nclass Other(Document, table='others'):\n    y: int\n"
    assert shape("x: int") == shape('"""A thing."""\n    x: int\n    by_x = index("x")')
    assert shape("x: int") == shape("x: int\n\n    def twice(self):\n        return 2 * self.x")
    assert shape("x: int") == shape("x: int", other)


def test_the_inside_of_a_field_is_a_part_of_the_shape(tmp_path: Any) -> None:
    inner = "\nclass Deep(BaseModel):\n    a: {}\n"
    found = [
        shapes(tmp_path, inner.format(kind) + as_one("x: list[Deep]"), lambda: "")
        for kind in ("int", "str", "int = 0")
    ]
    assert found[0] != found[1] != found[2] != found[0]


@pytest.mark.parametrize(
    "name", ["metadata", "serialization", "ref", "schema_ref", "default", "type", "post_init"]
)
def test_a_field_may_have_a_name_of_pydantics_own(tmp_path: Any, name: str) -> None:
    inner = "\nclass Deep(BaseModel):\n    {}: {}\n"
    found = [
        *(shapes(tmp_path, as_one(f"{name}: {kind}"), lambda: "") for kind in ("int", "str")),
        *(
            shapes(tmp_path, inner.format(name, kind) + as_one("x: Deep"), lambda: "")
            for kind in ("int", "str")
        ),
        *(
            shapes(tmp_path, as_one(f"x: dict = {{'type': 'x', '{name}': [{at}]}}"), lambda: "")
            for at in (1, 2)
        ),
    ]
    assert len(set(map(tuple, found))) == len(found)


def test_names_on_the_wire_are_a_part_of_the_shape(tmp_path: Any) -> None:
    text = as_one("snake_case: int")
    assert shapes(tmp_path, text, lambda: "") != shapes(tmp_path, text, lambda: "", "camel")


def test_an_authors_code_makes_the_source_a_part_of_the_shape(tmp_path: Any) -> None:
    validator = '    @field_validator("x")\n    def check(cls, value):\n        return value'
    for body, counts in (
        ("x: int", False),
        ("x: Tree", False),
        ("x: Annotated[int, AfterValidator(check)]", True),
        (f"x: int\n\n{validator}", True),
        ("x: int\n\n    def model_post_init(self, context):\n        pass", True),
    ):
        one = shapes(tmp_path, as_one(body), lambda: "one")
        other = shapes(tmp_path, as_one(body), lambda: "other")
        assert (one != other) == counts, body
