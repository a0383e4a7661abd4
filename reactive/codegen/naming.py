"""Which types are declared, and under which names.

A class is declared once where both directions agree, and otherwise as `Name` for what clients are
sent and as `NameInput` for what they send.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reactive.codegen.typescript import Name, Object, Reference, Type, mapped

_OWN = (
    "AnyDataModel DataModel Doc FunctionReference GenericId Id PaginationOptions "
    "PaginationResult SystemDataModel SystemTableNames TableNames TableNamesInDataModel "
    "api internal"
)
_BUILT_IN = (
    "Array ArrayBuffer Partial Record any bigint boolean never null number object string symbol "
    "undefined unknown"
)
_RESERVED = (
    "case catch const debugger default delete do enum export extends false function implements "
    "instanceof interface let new package private protected public static super switch this throw "
    "true typeof var void"
)
TAKEN: Final = frozenset(f"{_OWN} {_BUILT_IN} {_RESERVED}".split())
"""What the files name themselves, or TypeScript does."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A type with a name. `body` names other declarations by `Reference` still."""

    reference: Reference
    name: str
    doc: str
    body: Type


class Namer:
    """Collects the declared types, and gives them names when all are known."""

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[str, str]] = {}
        self._required: set[tuple[int, str]] = set()

    def want(self, key: int, name: str, doc: str) -> None:
        """Notes the name and the comment that a type would like."""
        self._wanted.setdefault(key, (_identifier(name), doc))

    def require(self, reference: Reference, source: str) -> None:
        """Notes that clients may not leave out a field, though it has a default."""
        self._required.add((reference.key, source))

    def declarations(self, bodies: Mapping[Reference, Type]) -> list[Declaration]:
        """One declaration for each name, in the order in which the types were met."""
        bodies = {ref: self._with_required(ref, body) for ref, body in bodies.items()}
        shared = _shared(bodies)
        names: set[str] = set(TAKEN)
        found = []
        for reference, body in bodies.items():
            wanted, doc = self._wanted[reference.key]
            if reference.key in shared and reference.direction == "input":
                continue
            if reference.direction == "input" and Reference(reference.key, "output") in bodies:
                wanted += "Input"
            name, count = wanted, 1
            while name in names:
                count += 1
                name = f"{wanted}{count}"
            names.add(name)
            found.append(Declaration(reference, name, doc, body))
        return found

    def _with_required(self, reference: Reference, body: Type) -> Type:
        if reference.direction == "output" or not isinstance(body, Object):
            return body
        fields = tuple(
            replace(each, is_optional=False)
            if (reference.key, each.source) in self._required
            else each
            for each in body.fields
        )
        return replace(body, fields=fields)


def resolver(declarations: list[Declaration]) -> Callable[[Type], Type]:
    """A function that replaces references by the names of their declarations."""
    names = {each.reference: Name(each.name) for each in declarations}

    def name(node: Type) -> Type:
        if not isinstance(node, Reference):
            return node
        return names.get(node) or names[Reference(node.key, "output")]

    return lambda node: mapped(node, name)


def _shared(bodies: Mapping[Reference, Type]) -> set[int]:
    """The types that are the same in both directions.

    Types may contain each other, so all are held to be the same until one is found that is not.
    """
    shared = {ref.key for ref in bodies if Reference(ref.key, "input") in bodies} & {
        ref.key for ref in bodies if Reference(ref.key, "output") in bodies
    }

    def undirected(node: Type) -> Type:
        if isinstance(node, Reference) and node.key in shared:
            return Reference(node.key, "output")
        if isinstance(node, Object):
            return replace(node, fields=tuple(replace(each, source="") for each in node.fields))
        return node

    while True:
        differ = {
            key
            for key in shared
            if mapped(bodies[Reference(key, "input")], undirected)
            != mapped(bodies[Reference(key, "output")], undirected)
        }
        if not differ:
            return shared
        shared -= differ


def _identifier(name: str) -> str:
    """A generic class's name as one word: `Box[list[int]]` is `BoxListInt`."""
    first, *others = [part for part in re.split(r"\W+", name) if part]
    return first + "".join(part[0].upper() + part[1:] for part in others)
