"""Pydantic's validators, made to mean what Convex's values mean.

Pydantic reads JSON generously: "5" is an int, 1 is true, and what a model does not know is dropped.
Between a client and a server that share types this hides mistakes. So scalars are taken as they
are, and unknown fields refused; everything else (dates, UUIDs, enums, constraints, what a model's
own config says) is pydantic's own. Under `case = "camel"` the fields of nested models get their
camelCase aliases here, so that an author's classes stay as they were written.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, SchemaSerializer, SchemaValidator

from reactive.errors import CallError
from reactive.runtime.types import IdOf, validate_int64
from reactive.values.encoding import Int64
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD

_PLAIN = {"any", "bool", "bytes", "enum", "float", "int", "is-instance", "literal", "none", "str"}
_PLAIN_CONFIG = {"extra_fields_behavior", "title", "validate_by_alias", "validate_by_name"}
_CHANGING = {"strip_whitespace", "to_lower", "to_upper"}
_STRICT = {"bool", "str", "bytes"}
_IS_UNSET = ("is-instance[Unset]",)
KEPT = "kept"
"""The context in which arguments are validated that were a function's own, not a client's."""

_OPAQUE = {"default", "metadata", "serialization", "expected", "function", "cls", "config"}


def exact_name(name: str) -> str:
    """The wire name under `case = "exact"`."""
    return name


def camel_name(name: str) -> str:
    """The wire name under `case = "camel"`; leading underscores stay."""
    bare = name.lstrip("_")
    return name[: len(name) - len(bare)] + to_camel(bare)


def wire_names_of(case: str) -> Callable[[str], str]:
    """How a Python name is spelled on the wire."""
    return camel_name if case == "camel" else exact_name


def _whole(value: object) -> object:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    return _no_bigint(value)


def _no_bigint(value: object) -> object:
    if type(value) is Int64:
        raise PydanticCustomError("number_type", "Input should be a number, not a bigint")
    return value


def _rewritten(schema: Any, change: Callable[[Any, Any], Any]) -> Any:
    """A core schema in which each node is what `change` makes of it and of a copy of it, whose own
    nodes are rewritten; the original is left alone."""
    if isinstance(schema, list | tuple):
        return type(schema)(_rewritten(item, change) for item in schema)
    if not isinstance(schema, dict):
        return schema
    if not isinstance(schema.get("type"), str):
        # Not a schema but a mapping of fields or choices, whose names may be any word.
        return {name: _rewritten(item, change) for name, item in schema.items()}
    copy = {
        name: item if name in _OPAQUE else _rewritten(item, change) for name, item in schema.items()
    }
    return change(schema, copy)


def tightened(schema: Any, wire_name: Callable[[str], str]) -> Any:
    """A core schema with exact scalars and wire names; the original is left alone."""
    return _rewritten(schema, lambda node, copy: _tight(node, copy, wire_name))


def _tight(schema: Any, copy: Any, wire_name: Callable[[str], str]) -> Any:
    kind = schema["type"]
    if kind in _STRICT:
        copy["strict"] = True
    elif kind in ("int", "float"):
        copy["strict"] = True
        return _after(_whole if kind == "int" else _no_bigint, copy)
    elif kind in ("model", "dataclass"):
        copy["config"] = {
            **(schema.get("config") or {}),
            "validate_by_name": True,
            "validate_by_alias": True,
            "loc_by_alias": True,
            "extra_fields_behavior": (schema.get("config") or {}).get(
                "extra_fields_behavior", "forbid"
            ),
        }
    elif kind in ("model-fields", "dataclass-args"):
        _alias_fields(copy, wire_name)
    elif kind == "typed-dict":
        _unalias_keys(copy, wire_name)
    elif kind == "union":
        copy["choices"] = list(map(_labeled, schema["choices"], copy["choices"]))
    elif kind == "tagged-union" and isinstance(name := schema["discriminator"], str):
        copy["discriminator"] = [[wire_name(name)], [name]]
    return copy


def _labeled(choice: Any, made: Any) -> Any:
    """A member of a union that errors call what an author does, whatever was made of it."""
    is_number = isinstance(choice, dict) and choice["type"] in ("int", "float")
    return (made, choice["type"]) if is_number else made


def _alias_fields(schema: dict[str, Any], wire_name: Callable[[str], str]) -> None:
    fields = schema["fields"]
    named = fields.items() if isinstance(fields, dict) else ((f["name"], f) for f in fields)
    for name, field in named:
        if wire_name(name) != name:
            for kind in ("validation_alias", "serialization_alias"):
                if field.get(kind) is None:
                    field[kind] = wire_name(name)


def _unalias_keys(schema: dict[str, Any], wire_name: Callable[[str], str]) -> None:
    """Takes back what a model's alias generator says of dicts inside it, whose keys stay."""
    for name, field in schema["fields"].items():
        for kind in ("validation_alias", "serialization_alias"):
            if field.get(kind) == wire_name(name):
                del field[kind]


def validator_of(model: type[BaseModel], wire_name: Callable[[str], str]) -> SchemaValidator:
    """A validator for the model's wire form."""
    # Without the last argument pydantic would use the classes' own, generous validators.
    return SchemaValidator(tightened(model.__pydantic_core_schema__, wire_name), None, False)


def constructor_of(model: type[BaseModel]) -> SchemaValidator:
    """The class's own, generous validator, but that a bigint is no number."""
    schema = _rewritten(model.__pydantic_core_schema__, _without_bigints)
    return SchemaValidator(schema, None, False)


def _without_bigints(schema: Any, copy: Any) -> Any:
    return _after(_no_bigint, copy) if schema["type"] in ("int", "float") else copy


def _after(check: Callable[[object], object], schema: Any) -> Any:
    """A core schema for what such a check gives."""
    function = {"type": "no-info", "function": check}
    return {"type": "function-before", "function": function, "schema": schema}


def serializer_of(model: type[BaseModel], wire_name: Callable[[str], str]) -> SchemaSerializer:
    """A serializer that by aliases gives the wire's names of nested models, too."""
    return SchemaSerializer(tightened(model.__pydantic_core_schema__, wire_name), None, False)


def named_validator_of(
    model: type[BaseModel], wire_name: Callable[[str], str], names: Mapping[str, str]
) -> SchemaValidator:
    """A validator that gives a model's fields as a dict, in which they have these names.

    A name may be any, also one that pydantic has for itself.
    """
    schema = _rewritten(tightened(model.__pydantic_core_schema__, wire_name), _with_stored)
    inner = schema["schema"] if schema["type"] == "definitions" else schema
    fields = {
        names[name]: {
            "type": "typed-dict-field",
            "schema": field["schema"],
            "validation_alias": field["validation_alias"],
            "required": field["schema"]["type"] != "default",
        }
        for name, field in inner["schema"]["fields"].items()
    }
    typed: Any = {"type": "typed-dict", "fields": fields, "config": inner["config"]}
    if "extras_schema" in inner["schema"]:
        typed["extras_schema"] = inner["schema"]["extras_schema"]
    if inner is not schema:
        typed = {**schema, "schema": typed}
    return SchemaValidator(typed, None, False)


def _with_stored(schema: Any, copy: Any) -> Any:
    """A document's schema that takes one that was read, too, where the context says `KEPT`."""
    cls = schema.get("cls")
    if schema["type"] != "model" or not hasattr(cls, "__table__"):
        return copy
    ref = {"ref": copy.pop("ref")} if "ref" in copy else {}
    function = {"type": "with-info", "function": _stored_maker(cls)}
    return {"type": "function-wrap", "function": function, "schema": copy, **ref}


def _stored_maker(cls: Any) -> Callable[[object, Callable[[object], Any], Any], Any]:
    def make(value: object, handler: Callable[[object], Any], info: Any) -> Any:
        if info.context != KEPT or not isinstance(value, dict):
            return handler(value)
        if not {ID_FIELD, CREATION_TIME_FIELD} <= value.keys():
            return handler(value)
        fields = dict(value)
        document_id, created = fields.pop(ID_FIELD), fields.pop(CREATION_TIME_FIELD)
        return cls.__codec__.restored(handler(fields), document_id, created)

    return make


def partial_validator_of(
    model: type[BaseModel], wire_name: Callable[[str], str], names: Mapping[str, str]
) -> SchemaValidator | None:
    """A validator for some of the model's fields, which it gives as a dict by their wire names.

    `names` are these. None for a model whose fields have to be checked as a whole: where code looks
    at several of them, or may make something else of a value that was checked before.
    """
    schema: Any = model.__pydantic_core_schema__
    if schema["type"] != "model" or schema["schema"]["type"] != "model-fields":
        return None
    config = schema["config"]
    fields = {name: field["schema"] for name, field in schema["schema"]["fields"].items()}
    if (
        any(map(schema.get, ("custom_init", "post_init", "root_model")))
        or config.get("extra_fields_behavior") == "allow"
        or not _PLAIN_CONFIG.issuperset(config)
        or not all(map(_is_plain, fields.values()))
    ):
        return None
    partial: Any = {
        "type": "typed-dict",
        "fields": {
            names[name]: {
                "type": "typed-dict-field",
                "schema": tightened(_without_default(field), wire_name),
                "validation_alias": name,
                "required": False,
            }
            for name, field in fields.items()
        },
        "extra_behavior": "forbid",
        "config": {"validate_by_name": True, "validate_by_alias": True},
    }
    return SchemaValidator(partial, None, False)


def _without_default(schema: Any) -> Any:
    return _without_default(schema["schema"]) if schema["type"] == "default" else schema


def _is_plain(schema: Any) -> bool:
    """Whether what the schema makes of a value is the same value, and is valid again."""
    kind = schema["type"]
    if kind in ("default", "nullable"):
        return schema.get("on_error", "raise") == "raise" and _is_plain(schema["schema"])
    if kind == "list":
        return _is_plain(schema.get("items_schema", {"type": "any"}))
    if kind == "union":
        return all(
            _is_plain(each[0] if isinstance(each, tuple) else each) for each in schema["choices"]
        )
    if kind == "function-plain":
        function = schema["function"]["function"]
        return getattr(function, "__func__", function) in (IdOf.validate, validate_int64)
    return kind in _PLAIN and _CHANGING.isdisjoint(schema)


def explain(error: ValidationError) -> list[tuple[str, str, object]]:
    """Each mistake as the dotted path to it, what is wrong, and the value found.

    That a value is not `UNSET` either is no mistake of its own: of `X | Unset` only X is spoken of.
    """
    every = error.errors(include_url=False)
    optional = {each["loc"][:-1] for each in every if each["loc"][-1:] == _IS_UNSET}
    found = [each for each in every if each["loc"][-1:] != _IS_UNSET] or every
    choices: dict[tuple[int | str, ...], set[int | str]] = {}
    for each in found:
        for at, part in enumerate(each["loc"]):
            if each["loc"][:at] in optional:
                choices.setdefault(each["loc"][:at], set()).add(part)
    only = {place for place, parts in choices.items() if len(parts) == 1}
    return [(_dotted(each["loc"], only), _sentence(each), each.get("input")) for each in found]


def _dotted(loc: tuple[int | str, ...], only: Collection[tuple[int | str, ...]]) -> str:
    """The path without the names of types that are the `only` choice where they stand."""
    return ".".join(str(part) for at, part in enumerate(loc) if loc[:at] not in only)


def _sentence(each: Mapping[str, Any]) -> str:
    field = each["loc"][-1] if each["loc"] else "?"
    if each["type"] in ("missing", "missing_argument"):
        return f"Object is missing the required field `{field}`."
    if each["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"Object contains extra field `{field}` that is not declared."
    return f"{each['msg']}."


def argument_error(path: str, error: ValidationError) -> CallError:
    """What a caller hears about arguments that do not fit."""
    lines = [f"ArgumentValidationError: the arguments of {path} do not match its declaration."]
    for where, sentence, value in explain(error):
        lines.append(f"Path: .{where}\n{sentence}")
        if "missing" not in sentence:
            lines.append(f"Value: {_short(value)}")
    return CallError("\n".join(lines), code="ArgumentValidationError")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
