"""Outcomes of functions as the client keeps them: JSON text, decoded anew for whoever asks.

Every reader gets a value of its own, so that nobody can change what another one sees, and two
results are the same when their text is.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from reactive.client.errors import FunctionError, split_request_id
from reactive.errors import ApplicationError, CallError, LimitError
from reactive.limits import DEFAULT_LIMITS
from reactive.protocol.paths import canonical_path
from reactive.values.encoding import (
    JsonBytes,
    dump_wire,
    encode_value,
    from_wire,
    load_json,
    to_wire,
    wire_size,
)


class QueryKey(NamedTuple):
    """What makes two subscriptions the same: the function's canonical path, and its arguments."""

    path: str
    args: JsonBytes


@dataclass(frozen=True, slots=True)
class Value:
    """A function returned."""

    text: JsonBytes

    @classmethod
    def of(cls, value: object) -> "Value":
        """The result that a function would have that returned `value`.

        Raises:
            CallError: when it is no value.
        """
        return cls(encode_value(value))

    def get(self, path: str) -> Any:
        """The value in Python's types, not shared with anybody.

        Raises:
            CallError: when the server sent what is no value; names the function.
        """
        try:
            return from_wire(orjson.loads(self.text))
        except CallError as error:
            raise CallError(f"the result of {path}: {error.message}", code=error.code) from error


@dataclass(frozen=True, slots=True)
class Failed:
    """A function failed; `data` is the JSON of an `ApplicationError`'s data."""

    message: str
    data: JsonBytes | None = None
    request_id: str | None = field(default=None, compare=False)

    @classmethod
    def told(cls, text: str, data: JsonBytes | None) -> "Failed":
        """The failure that the server describes by `text`."""
        message, request_id = split_request_id(text)
        return cls(message, data, request_id)

    def error(self, path: str) -> Exception:
        """What the caller is raised: an `ApplicationError` or a `FunctionError`, a new one."""
        error = FunctionError(path, self.message, self.request_id)
        if self.data is None:
            return error
        application_error = ApplicationError(from_wire(orjson.loads(self.data)))
        application_error.add_note(str(error))
        return application_error

    def get(self, path: str) -> Any:
        """Raises `error`."""
        raise self.error(path)


Result = Value | Failed


def query_key(function: str, args: object) -> QueryKey:
    """The key of a function called with an object of arguments.

    Raises:
        CallError: for a path that can be none, or arguments that are no value.
        LimitError: for arguments that are too large.
    """
    path = canonical_path(function)
    try:
        wire = to_wire(args)
    except LimitError as error:
        raise LimitError(f"arguments of {path}: {error.message}", code=error.code) from error
    except CallError as error:
        raise CallError(f"arguments of {path}: {error.message}", code=error.code) from error
    size = wire_size(wire)
    if size > DEFAULT_LIMITS.argument_bytes_max:
        raise LimitError(
            f"the arguments of {path} have {size} bytes "
            f"(limit: {DEFAULT_LIMITS.argument_bytes_max})",
            code="ArgumentsTooLarge",
        )
    text = dump_wire(wire)
    # JSON escapes may make a text several times as long, and no frame may be longer than this.
    if len(text) > DEFAULT_LIMITS.frame_bytes_max // 2:
        raise LimitError(
            f"the arguments of {path} have {len(text)} bytes as JSON "
            f"(limit: {DEFAULT_LIMITS.frame_bytes_max // 2})",
            code="ArgumentsTooLarge",
        )
    return QueryKey(path, text)


def arguments_of(key: QueryKey) -> dict[str, Any]:
    """The arguments in Python's types, not shared with anybody."""
    args: dict[str, Any] = from_wire(load_json(key.args))
    return args
