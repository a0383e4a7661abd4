"""What classes with fields, enums and type aliases look like in TypeScript."""

import dataclasses
import enum
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, RootModel
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType, is_typeddict

from reactive.codegen.typescript import (
    ANY,
    ANY_OBJECT,
    NUMBER,
    STRING,
    Direction,
    Field,
    Generic,
    Object,
    Tuple,
    Type,
    mapped,
    union,
)
from reactive.runtime.document import AnyDocument, Document, wire_fields
from reactive.runtime.types import IdOf, Unset
from reactive.runtime.validators import wire_names_of


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a type is used: which way its values go, and what a warning calls it."""

    direction: Direction
    where: str


class ClassBodies:
    """Makes the bodies of declarations. `convert` makes the types of fields."""

    def __init__(self, case: str, convert: Callable[[Any, Place], Type]) -> None:
        self._case = case
        self._spell = wire_names_of(case)
        self._convert = convert

    def body(self, origin: Any, arguments: tuple[Any, ...], place: Place) -> Type:
        """The type that a class, with these type arguments, is declared as."""
        if isinstance(origin, TypeAliasType):
            return self._alias(origin, arguments, place)
        if issubclass(origin, enum.Enum):
            return union([self._convert(Literal[each], place) for each in origin])
        if issubclass(origin, Document):
            return self._document(origin, place)
        if issubclass(origin, BaseModel):
            return self._model(origin, place)
        variables = dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False))
        hints = {
            name: _substituted(hint, variables)
            for name, hint in typing.get_type_hints(origin, include_extras=True).items()
        }
        if dataclasses.is_dataclass(origin):
            return self._dataclass(origin, hints, place)
        if is_typeddict(origin):
            return self._typed_dict(origin, hints, place)
        return self._named_tuple(origin, hints, place)

    def _alias(self, alias: TypeAliasType, arguments: tuple[Any, ...], place: Place) -> Type:
        module = sys.modules.get(alias.__module__ or "")
        holder = type("holder", (), {"__annotations__": {"value": alias.__value__}})
        names = {**vars(module or types), alias.__name__: alias}
        hint = typing.get_type_hints(holder, names, include_extras=True)["value"]
        variables = dict(zip(alias.__type_params__, arguments, strict=False))

        def deferred(node: Type) -> Type:
            # An alias may name itself in an object type, but not in the argument of another alias.
            if isinstance(node, Generic) and node.name == "Record" and node.arguments[0] == STRING:
                return Object((), node.arguments[1])
            return node

        return mapped(self._convert(_substituted(hint, variables), place), deferred)

    def _document(self, cls: type[Document], place: Place) -> Type:
        name = getattr(cls, "__table__", None)
        if cls in (Document, AnyDocument) and place.direction == "input":
            return ANY_OBJECT
        fields = self._model_fields(cls, place)
        if place.direction == "output":
            own = self._convert(Annotated[str, IdOf(name)], place)
            fields = (Field("_id", own), Field("_creationTime", NUMBER), *fields)
        is_open = cls is Document or cls.model_config.get("extra") == "allow"
        return Object(fields, ANY if is_open else None, is_expanded=True)

    def _model(self, cls: type[BaseModel], place: Place) -> Type:
        fields = self._model_fields(cls, place)
        if issubclass(cls, RootModel):
            return fields[0].type
        rest = ANY if cls.model_config.get("extra") == "allow" else None
        return Object(fields, rest, is_expanded=True)

    def _model_fields(self, cls: type[BaseModel], place: Place) -> tuple[Field, ...]:
        sent = wire_fields(cls, self._case)
        return tuple(
            Field(
                sent[name] if place.direction == "output" else self._taken(name, info),
                self._convert(_annotation_of(info), _inside(cls, name, place)),
                is_optional=_may_be_unset(info.annotation)
                if place.direction == "output"
                else not info.is_required(),
                doc=info.description or "",
                source=name,
            )
            for name, info in cls.__pydantic_fields__.items()
        )

    def _taken(self, name: str, info: FieldInfo) -> str:
        """The name under which a field is looked for in what a client sends."""
        alias = info.validation_alias
        if isinstance(alias, AliasChoices):
            alias = next((each for each in alias.choices if isinstance(each, str)), name)
        if alias is None:
            return self._spell(name)
        return alias if isinstance(alias, str) else name

    def _dataclass(self, cls: Any, hints: dict[str, Any], place: Place) -> Type:
        is_output = place.direction == "output"
        known: dict[str, FieldInfo] = getattr(cls, "__pydantic_fields__", {})
        fields = []
        for each in dataclasses.fields(cls):
            if not each.init and not is_output:
                continue
            info = known.get(each.name) or next(iter(infos(hints[each.name])), FieldInfo())
            has_default = (each.default, each.default_factory) != (dataclasses.MISSING,) * 2
            if each.name in known:
                has_default = not info.is_required()
            fields.append(
                Field(
                    self._spell(each.name) if is_output else self._taken(each.name, info),
                    self._convert(hints[each.name], _inside(cls, each.name, place)),
                    is_optional=_may_be_unset(hints[each.name]) if is_output else has_default,
                    doc=info.description or "",
                    source=each.name,
                )
            )
        return Object(tuple(fields), is_expanded=True)

    def _typed_dict(self, cls: Any, hints: dict[str, Any], place: Place) -> Type:
        fields = []
        for name, hint in hints.items():
            wrapper = typing.get_origin(hint)
            is_required = name in cls.__required_keys__ and wrapper is not typing.NotRequired
            aliases = [info.alias for info in infos(hint) if info.alias]
            fields.append(
                Field(
                    aliases[-1] if aliases and place.direction == "input" else name,
                    self._convert(hint, _inside(cls, name, place)),
                    is_optional=not (is_required or wrapper is typing.Required),
                    source=name,
                )
            )
        return Object(tuple(fields), is_expanded=True)

    def _named_tuple(self, cls: Any, hints: dict[str, Any], place: Place) -> Type:
        items = [
            self._convert(hints.get(name, Any), _inside(cls, name, place)) for name in cls._fields
        ]
        may_lack = cls._field_defaults if place.direction == "input" else {}
        labels = tuple(f"{name}?" if name in may_lack else name for name in cls._fields)
        return Tuple(tuple(items), labels)


def is_record(cls: type) -> bool:
    """Whether the class has fields that are declared."""
    return (
        issubclass(cls, BaseModel)
        or dataclasses.is_dataclass(cls)
        or is_typeddict(cls)
        or (issubclass(cls, tuple) and hasattr(cls, "_fields"))
    )


def _inside(cls: type, field: str, place: Place) -> Place:
    return Place(place.direction, f"{cls.__module__}.{cls.__qualname__}: field {field}")


def _annotation_of(info: FieldInfo) -> Any:
    """A field's annotation with what pydantic has taken out of it."""
    annotation: Any = info.annotation
    extras = list(info.metadata)
    if isinstance(info.discriminator, str):
        extras.append(info)
    for extra in extras:
        annotation = typing.Annotated[annotation, extra]
    return annotation


def infos(annotation: Any) -> list[FieldInfo]:
    return [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, FieldInfo)]


def _may_be_unset(annotation: Any) -> bool:
    return Unset in typing.get_args(annotation) or any(
        _may_be_unset(each)
        for each in typing.get_args(annotation)[:1]
        if typing.get_origin(annotation) is typing.Annotated
    )


def _substituted(annotation: Any, variables: Mapping[Any, Any]) -> Any:
    if isinstance(annotation, typing.TypeVar):
        return variables.get(annotation, annotation)
    if isinstance(annotation, type):
        # To pydantic a model with its own variables is the model itself. Another class is bare.
        metadata = getattr(annotation, "__pydantic_generic_metadata__", {})
        parameters = metadata.get("parameters", ())
    else:
        parameters = getattr(annotation, "__parameters__", ())
    if not any(each in variables for each in parameters):
        return annotation
    return annotation[tuple(variables.get(each, each) for each in parameters)]


def name_of(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Document:
        return "AnyDocument"
    return "".join([origin.__name__, *(f"[{spelled(each)}]" for each in arguments)])


def spelled(annotation: Any) -> str:
    name = getattr(annotation, "__name__", None)
    return name if isinstance(annotation, type) and isinstance(name, str) else str(annotation)


def doc_of(origin: Any) -> str:
    """The docstring that an author wrote, not one that a base class or a decorator made."""
    if isinstance(origin, TypeAliasType):
        return ""
    metadata = vars(origin).get("__pydantic_generic_metadata__") or {}
    origin = metadata.get("origin") or origin
    text = vars(origin).get("__doc__") or ""
    is_made = text.startswith(f"{origin.__name__}(") or origin.__module__.startswith("reactive.")
    return "" if is_made else inspect.cleandoc(text)
