"""What models and tools say, as documents can hold it."""

import json
from typing import Any, Final

from reactive.errors import CallError
from reactive.limits import DEFAULT_LIMITS
from reactive.values.encoding import to_wire

_AROUND: Final = 2
"""A part's row, and the call in it."""


def storable(value: Any) -> Any:
    """A value of JSON: itself, or its text where no document may have what is in it.

    JSON knows keys beyond ASCII, integers beyond 2^53, and objects of any width and depth; Convex's
    values do not. The text is ASCII, with what is no Unicode escaped.
    """
    try:
        to_wire(value, DEFAULT_LIMITS.document_depth_max - _AROUND)
    except CallError:
        return json.dumps(value)
    return value


def clipped(text: str, length_max: int) -> str:
    """A text of valid Unicode, at most so long."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"
