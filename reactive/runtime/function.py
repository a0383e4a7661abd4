"""What a decorated function is to the server."""

import enum
import functools
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Kind(enum.Enum):
    """What a function may do."""

    QUERY = "Query"
    MUTATION = "Mutation"
    ACTION = "Action"


def _importing() -> str | None:
    """The name of the innermost module that is being imported."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__")


class Function(Generic[P, R]):
    """A decorated function: callable with a context as before, and known to the server.

    `path` is how Python code may refer to it ("messages:send"); the loader sets it. `module` is the
    one whose import made it; where a helper decorates, `send = sender()`, it is not the handler's.
    """

    def __init__(
        self,
        handler: Callable[P, Coroutine[Any, Any, R]],
        kind: Kind,
        *,
        is_public: bool,
        name: str | None,
        push_interval_s: float = 0.0,
        urgent: tuple[object, ...] = (),
    ) -> None:
        functools.update_wrapper(self, handler)
        self.handler = handler
        self.kind = kind
        self.is_public = is_public
        self.public_name = name
        self.push_interval_s = push_interval_s
        self.urgent = urgent
        self.path = ""
        self.module = _importing() or handler.__module__

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return self.handler(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.kind.value.lower()} {self.path or self.handler.__qualname__}>"
