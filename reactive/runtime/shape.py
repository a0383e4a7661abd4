"""What documents a class takes, as a short text that two equal classes share.

It is made of pydantic's own description of the class, without what differs from one import to the
next. Code of the author's that takes part, such as a validator, cannot be compared: a class that
has any gets another text whenever the project's source changes.
"""

import enum
import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
import pydantic

from reactive.runtime.document import Document
from reactive.runtime.types import IdOf, table_name

_VERSION = f"1/{pydantic.VERSION}"
_IRRELEVANT = {"metadata", "serialization"}
_REFERENCES = {"ref", "schema_ref"}
_CODE = {"custom_init", "post_init"}


def shape_of(cls: type[Document], case: str, source: Callable[[], str]) -> str:
    """The shape of the class's documents; `source` gives a digest of the project's own code."""
    reader = _Reader()
    parts: list[Any] = [_VERSION, case, reader.read(cls.__pydantic_core_schema__)]
    if reader.has_code:
        parts.append(source())
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


class _Reader:
    """Turns a core schema into plain JSON."""

    def __init__(self) -> None:
        self.has_code = False
        self._references: dict[str, int] = {}

    def read(self, node: Any, *, is_data: bool = False) -> Any:
        """A node of the schema, or a default's value, which is nothing but data."""
        if node is None or isinstance(node, bool | str) or type(node) in (int, float):
            return node if type(node) is not int else str(node)
        if isinstance(node, dict):
            names = sorted(node, key=str)
            if is_data or not isinstance(node.get("type"), str):
                # Not a schema but fields by their names, which may be any word.
                return [[str(name), self.read(node[name], is_data=is_data)] for name in names]
            return [self._item(key, node[key]) for key in names]
        if isinstance(node, list | tuple):
            return [self.read(each, is_data=is_data) for each in node]
        if isinstance(node, set | frozenset):
            return sorted(map(repr, node))
        if isinstance(node, enum.Enum):
            return [self.read(type(node)), node.name, self.read(node.value)]
        if isinstance(node, type):
            return f"{node.__module__}.{node.__qualname__}"
        if isinstance(node, re.Pattern):
            return [str(node.pattern), str(node.flags)]
        return self._code(node)

    def _item(self, key: str, value: Any) -> Any:
        if key in _IRRELEVANT:
            return key
        if key in _REFERENCES:
            # Pydantic's names for these end with an address.
            return [key, self._references.setdefault(value, len(self._references))]
        if key in _CODE and value:
            self.has_code = True
        return [key, self.read(value, is_data=key == "default")]

    def _code(self, node: Any) -> Any:
        owner = getattr(node, "__self__", None)
        if isinstance(owner, IdOf):
            return ["id", None if owner.table is None else table_name(owner.table)]
        module = str(getattr(node, "__module__", ""))
        is_known = module.partition(".")[0] in ("reactive", "pydantic", "pydantic_core")
        name = getattr(node, "__qualname__", None)
        if not is_known or name is None or isinstance(node, functools.partial):
            self.has_code = True
            return type(node).__name__
        return f"{module}.{name}"
