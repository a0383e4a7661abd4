"""Which function a path means."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from reactive.errors import CallError, ProjectError, UsageError
from reactive.protocol.paths import canonical_path
from reactive.runtime.function import Function, Kind
from reactive.runtime.signature import Signature
from reactive.runtime.validators import wire_names_of
from reactive.values.encoding import JsonBytes


@dataclass(slots=True)
class FunctionDefinition:
    """A function as the server knows it. `path` is the wire's, `python_path` Python code's."""

    path: str
    python_path: str
    function: Function[..., object]
    signature: Signature
    is_slow: bool = False
    """It has held the event loop for too long, and runs in a thread until it is quick there."""
    arguments: dict[JsonBytes, dict[str, Any]] = field(default_factory=dict)
    """What queries were run with of late, by its canonical JSON: nothing that can be changed."""
    kind: Kind = field(init=False)

    def __post_init__(self) -> None:
        self.kind = self.function.kind


def _is_canonical(path: str) -> bool:
    try:
        return canonical_path(path) == path
    except CallError:
        return False


def not_found(path: str) -> CallError:
    """What a caller hears of a function that does not exist, or is not for them."""
    return CallError(
        f"Could not find public function for '{path.removesuffix(':default')}'.",
        code="FunctionNotFound",
    )


class FunctionRegistry:
    """All functions of a project."""

    def __init__(
        self, functions: Iterable[tuple[str, str, Function[..., object]]], case: str
    ) -> None:
        spell = wire_names_of(case)
        self._by_path: dict[str, FunctionDefinition] = {}
        self._by_python_path: dict[str, FunctionDefinition] = {}
        for module, name, function in functions:
            public = function.public_name or name
            python_path = f"{module}:{public}"
            spelled = function.public_name or spell(name)
            path = "/".join(spell(part) for part in module.split("/")) + f":{spelled}"
            if path in self._by_path:
                raise ProjectError(f"functions/{module}.py: there are two functions {path!r}")
            if not _is_canonical(path):
                raise ProjectError(f"functions/{module}.py: {path!r} is no path")
            function.path = python_path
            definition = FunctionDefinition(
                path, python_path, function, Signature(path, function.handler, spell)
            )
            self._by_path[path] = self._by_python_path[python_path] = definition

    def __iter__(self) -> Iterator[FunctionDefinition]:
        return iter(self._by_path.values())

    def __len__(self) -> int:
        return len(self._by_path)

    def find(self, path: str, kind: Kind | None, is_admin: bool) -> FunctionDefinition:
        """The function that a client's path means.

        Raises:
            CallError: when there is none of this kind that the client may call.
        """
        definition = self._by_path.get(path)
        canonical = path if definition is not None else canonical_path(path)
        definition = definition or self._by_path.get(canonical)
        if definition is None or not (definition.function.is_public or is_admin):
            raise not_found(canonical)
        if kind is not None and definition.kind is not kind:
            raise CallError(
                f"Trying to execute {canonical} as {kind.value}, "
                f"but it is defined as {definition.kind.value}.",
                code="WrongFunctionKind",
            )
        return definition

    def refer(self, function: object, *kinds: Kind) -> FunctionDefinition:
        """The function of one of these kinds that Python code means, by itself or by its path.

        Raises:
            UsageError: when there is none, or it is of another kind.
        """
        path = function.path if isinstance(function, Function) else function
        if isinstance(path, str) and ":" not in path:
            path += ":default"
        definition = self._by_python_path.get(path) if isinstance(path, str) else None
        if definition is None:
            raise UsageError(f"there is no function {function!r}", code="FunctionNotFound")
        if definition.kind not in kinds:
            raise UsageError(
                f"{definition.path} is a {definition.kind.value.lower()}, "
                f"and cannot be called as a {' or a '.join(each.value.lower() for each in kinds)}",
                code="InvalidFunctionCall",
            )
        return definition
