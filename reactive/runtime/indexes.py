"""The indexes that a document class declares, checked. Source of the rules: Convex's schemas."""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, NoReturn

from pydantic import BaseModel

from reactive.errors import ProjectError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.document import Document, Index, SearchIndex, VectorIndex
from reactive.runtime.types import Unset, may_be_text
from reactive.runtime.validators import wire_names_of
from reactive.values.encoding import Int64
from reactive.values.tables import (
    BY_CREATION_TIME,
    BY_ID,
    CREATION_TIME_FIELD,
    ID_FIELD,
    TableSpec,
    TextSpec,
    is_identifier,
)

_SYSTEM_NAMES: Final = {"id", "creation_time", ID_FIELD, CREATION_TIME_FIELD}
_SCALARS: Final = (str, bytes, bool, int, float, Int64, Enum, Unset, type(None))
_SEQUENCES: Final = (list, tuple, set, frozenset)

Path = tuple[str, ...]
"""The wire names from a document to a field of it."""


class SearchFields(NamedTuple):
    """The field that a full-text index searches, and those that it filters by."""

    field: str
    filters: tuple[str, ...]


class VectorFields(NamedTuple):
    """A vector index: Python and wire names of its fields, and the length of its vectors."""

    field: str
    path: Path
    dimensions: int
    filters: tuple[str, ...]
    filter_paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class DeclaredIndexes:
    """The indexes of one table; the mappings go by the index's name."""

    spec: TableSpec
    fields: Mapping[str, tuple[str, ...]]
    searches: Mapping[str, SearchFields]
    vectors: Mapping[str, VectorFields]


def declared_indexes(cls: type[Document], case: str) -> DeclaredIndexes:
    """The indexes of a class.

    Raises:
        ProjectError: naming the class, the index and what is wrong with it.
    """
    table = cls.__table__
    indexes = list(_indexes_of(cls))
    plain = [i for i in indexes if not isinstance(i, SearchIndex | VectorIndex)]
    texts = [i for i in indexes if isinstance(i, SearchIndex)]
    vectors = [i for i in indexes if isinstance(i, VectorIndex)]
    for kind, declared, most in (
        ("indexes", indexes, DEFAULT_LIMITS.indexes_max),
        ("search indexes", texts, DEFAULT_LIMITS.search_indexes_max),
        ("vector indexes", vectors, DEFAULT_LIMITS.vector_indexes_max),
    ):
        if len(declared) > most:
            raise ProjectError(f"schema: table {table} has {len(declared)} {kind} (limit: {most})")
    paths = {each.name: _Names(cls, each, case).paths() for each in plain}
    _refuse_twins(cls, "fields", {each.name: each.fields for each in plain})
    text_specs = {each.name: _text_spec(cls, each, case) for each in texts}
    _refuse_twins(cls, "search field", {each.name: each.fields for each in texts})
    vector_fields = {each.name: _vector_fields(cls, each, case) for each in vectors}
    _refuse_twins(cls, "vector field", {each.name: each.fields for each in vectors})
    return DeclaredIndexes(
        TableSpec(table, paths, text_specs),
        {each.name: each.fields for each in plain},
        {each.name: SearchFields(each.fields[0], each.filter_fields) for each in texts},
        vector_fields,
    )


def _indexes_of(cls: type[Document]) -> Iterator[Index]:
    seen = set()
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, Index) and name not in seen:
                seen.add(name)
                yield value


def _refuse_twins(cls: type[Document], what: str, fields: Mapping[str, Path]) -> None:
    known: dict[Path, str] = {}
    for name, names in fields.items():
        twin = known.setdefault(names, name)
        if twin != name:
            raise ProjectError(
                f"schema: index {cls.__name__}.{name} has the same {what} as {twin}: "
                f"{', '.join(names)}"
            )


def _text_spec(cls: type[Document], index: SearchIndex, case: str) -> TextSpec:
    names = _Names(cls, index, case)
    (path,) = names.paths()
    annotations = names.annotations(index.fields[0])
    if annotations and not any(map(may_be_text, annotations)):
        names.refuse(f" needs a field of type str; {index.fields[0]!r} is none")
    most = DEFAULT_LIMITS.search_filter_fields_max
    return TextSpec(path, names.filter_paths(index.filter_fields, most))


def _vector_fields(cls: type[Document], index: VectorIndex, case: str) -> VectorFields:
    names = _Names(cls, index, case)
    (path,) = names.paths()
    annotations = names.annotations(index.fields[0])
    if annotations and not any(map(_may_be_vector, annotations)):
        names.refuse(f" needs a field of type list[float]; {index.fields[0]!r} is none")
    least, most = DEFAULT_LIMITS.vector_dimensions_min, DEFAULT_LIMITS.vector_dimensions_max
    dimensions: object = index.dimensions
    if type(dimensions) is not int or not least <= dimensions <= most:
        names.refuse(f" has {index.dimensions!r} dimensions; it can have {least} to {most}")
    filters_max = DEFAULT_LIMITS.vector_filter_fields_max
    filters = names.filter_paths(index.filter_fields, filters_max)
    return VectorFields(index.fields[0], path, index.dimensions, index.filter_fields, filters)


class _Names:
    """The names of one index's fields, and what they mean."""

    def __init__(self, cls: type[Document], index: Index, case: str) -> None:
        self._cls = cls
        self._index = index
        self._spell = wire_names_of(case)
        kind = {SearchIndex: "search index", VectorIndex: "vector index"}.get(type(index), "index")
        self._where = f"schema: {kind} {cls.__name__}.{index.name}"

    def refuse(self, reason: str) -> NoReturn:
        raise ProjectError(f"{self._where}{reason}")

    def paths(self) -> tuple[Path, ...]:
        """The wire paths of the fields that the index is of."""
        index = self._index
        if index.name in (BY_ID, BY_CREATION_TIME):
            self.refuse(": the name is reserved")
        if not is_identifier(index.name) or index.name.startswith("_"):
            self.refuse(" is no name for an index")
        if not index.fields:
            self.refuse(" has no fields")
        most = DEFAULT_LIMITS.index_fields_max
        if len(index.fields) > most:
            self.refuse(f" has {len(index.fields)} fields (limit: {most})")
        return self._paths(index.fields, "a field")

    def filter_paths(self, fields: Sequence[str], most: int) -> tuple[Path, ...]:
        """The wire paths of the fields that the index filters by."""
        if len(fields) > most:
            self.refuse(f" has {len(fields)} filter fields (limit: {most})")
        return self._paths(fields, "a filter field")

    def _paths(self, fields: Sequence[str], what: str) -> tuple[Path, ...]:
        for name in fields:
            if not isinstance(name, str):
                self.refuse(f" names {what} by its name, which {name!r} is not")
        if len(set(fields)) < len(fields):
            self.refuse(f" names {what} twice")
        return tuple(map(self._path, fields))

    def _path(self, dotted: str) -> Path:
        path: list[str] = []
        annotations: list[object] = [self._cls]
        for name in dotted.split("."):
            if not path and name in _SYSTEM_NAMES:
                self.refuse(f": {name} ends every index and cannot be named")
            found = self._found(name, annotations)
            if found:
                path.append(found[0].wire_name)
                annotations = [field.annotation for field in found]
            elif all(_has_known_fields(each) for each in annotations):
                inside = f": {'.'.join(path)!r} has no field {name!r}" if path else ""
                self.refuse(f" names the field {dotted!r}, which does not exist{inside}")
            else:
                path.append(name)
                annotations = [Any]
        return tuple(path)

    def annotations(self, dotted: str) -> list[object]:
        """What the field may be, as its annotations say; nothing where none do."""
        found: list[object] = [self._cls]
        for name in dotted.split("."):
            found = [field.annotation for field in self._found(name, found)]
        return found

    def _found(self, name: str, annotations: list[object]) -> list["_Field"]:
        """The fields of this name that values of these types may have."""
        fields = [each for annotation in annotations for each in _fields(annotation, self._spell)]
        return [each[name] for each in fields if name in each]


def _plain(annotation: Any) -> Any:
    """What a `type` statement, a NewType or an Annotated stands for."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            inner = typing.get_args(annotation)[0]
        else:
            inner = getattr(annotation, "__value__", getattr(annotation, "__supertype__", None))
        if inner is None:
            return annotation
        annotation = inner


def _members(annotation: Any) -> Iterator[Any]:
    """The members of a union; any other type is its own only member."""
    annotation = _plain(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for each in typing.get_args(annotation):
            yield from _members(each)
    else:
        yield annotation


class _Field(NamedTuple):
    wire_name: str
    annotation: object


def _fields(annotation: object, spell: Callable[[str], str]) -> Iterator[Mapping[str, _Field]]:
    """The fields of each model or dataclass that a field of this type may hold."""
    for member in _members(annotation):
        kind = typing.get_origin(member) or member
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            model: type[BaseModel] = member if isinstance(member, type) else kind
            yield {
                name: _Field(info.serialization_alias or info.alias or spell(name), info.annotation)
                for name, info in model.__pydantic_fields__.items()
            }
        elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind, include_extras=True)
            yield {
                field.name: _Field(spell(field.name), hints[field.name])
                for field in dataclasses.fields(kind)
            }


def _has_known_fields(annotation: object) -> bool:
    """Whether all fields of such values are known: models that refuse others, scalars, …"""
    return all(map(_is_closed, _members(annotation)))


def _is_closed(member: Any) -> bool:
    kind = typing.get_origin(member) or member
    if kind is Literal:
        return True
    if not isinstance(kind, type):
        return False
    if issubclass(kind, BaseModel):
        return kind.model_config.get("extra") != "allow"
    return dataclasses.is_dataclass(kind) or issubclass(kind, (*_SCALARS, *_SEQUENCES))


def _may_be_vector(annotation: object) -> bool:
    """Whether a value of this type can be a list of floats, as far as the type tells."""
    return any(map(_may_be(_may_be_float), _members(annotation)))


def _may_be(item: Callable[[object], bool]) -> Callable[[Any], bool]:
    def check(member: Any) -> bool:
        kind = typing.get_origin(member) or member
        if isinstance(kind, type) and issubclass(kind, (*_SCALARS, BaseModel, dict)):
            return False
        arguments = typing.get_args(member)
        return kind is not Literal and (not arguments or item(arguments[0]))

    return check


def _may_be_float(annotation: object) -> bool:
    for member in _members(annotation):
        kind = typing.get_origin(member) or member
        if not isinstance(kind, type) or issubclass(float, kind) or issubclass(kind, float):
            return True
    return False
