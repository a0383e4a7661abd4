"""Pydantic's validators, made to mean what Convex's values mean.

Pydantic reads JSON generously: "5" is an int, 1 is true, and what a model does not know is dropped.
Between a client and a server that share types this hides mistakes. So scalars are taken as they
are, and unknown fields refused; everything else (dates, UUIDs, enums, constraints, what a model's
own config says) is pydantic's own. Under `case = "camel"` the fields of nested models get their
camelCase aliases here, so that an author's classes stay as they were written.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, SchemaValidator

from reactive.errors import CallError
from reactive.values.encoding import Int64

_STRICT = {"bool", "str", "bytes"}
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
    if type(value) is float and value.is_integer():
        return int(value)
    return _no_bigint(value)


def _no_bigint(value: object) -> object:
    if type(value) is Int64:
        raise PydanticCustomError("number_type", "Input should be a number, not a bigint")
    return value


def tightened(schema: Any, wire_name: Callable[[str], str]) -> Any:
    """A core schema with exact scalars and wire names; the original is left alone."""
    if isinstance(schema, list):
        return [tightened(item, wire_name) for item in schema]
    if isinstance(schema, tuple):
        return tuple(tightened(item, wire_name) for item in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if not isinstance(kind, str):
        # Not a schema but a mapping of fields or choices, whose names may be any word.
        return {name: tightened(item, wire_name) for name, item in schema.items()}
    copy = {
        name: item if name in _OPAQUE else tightened(item, wire_name)
        for name, item in schema.items()
    }
    if kind in _STRICT:
        copy["strict"] = True
    elif kind in ("int", "float"):
        copy["strict"] = True
        return {
            "type": "function-before",
            "function": {
                "type": "no-info",
                "function": _whole if kind == "int" else _no_bigint,
            },
            "schema": copy,
        }
    elif kind == "model":
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
    elif kind == "tagged-union" and isinstance(name := schema["discriminator"], str):
        copy["discriminator"] = [[wire_name(name)], [name]]
    return copy


def _alias_fields(schema: dict[str, Any], wire_name: Callable[[str], str]) -> None:
    fields = schema["fields"]
    named = fields.items() if isinstance(fields, dict) else ((f["name"], f) for f in fields)
    for name, field in named:
        if field.get("validation_alias") is None and wire_name(name) != name:
            field["validation_alias"] = wire_name(name)


def validator_of(model: type[BaseModel], wire_name: Callable[[str], str]) -> SchemaValidator:
    """A validator for the model's wire form."""
    # Without the last argument pydantic would use the classes' own, generous validators.
    return SchemaValidator(tightened(model.__pydantic_core_schema__, wire_name), None, False)


def explain(error: ValidationError) -> list[tuple[str, str, object]]:
    """Each mistake as the dotted path to it, what is wrong, and the value found."""
    return [
        (".".join(map(str, each["loc"])), _sentence(each), each.get("input"))
        for each in error.errors(include_url=False)
    ]


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
