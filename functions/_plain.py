"""Documents as clients know them that are no client of Convex's."""

from typing import Any

from pydantic.alias_generators import to_camel

from reactive import Unset


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    """A message's fields as clients know them."""
    found = {name: value for name, value in fields.items() if not isinstance(value, Unset)}
    if isinstance(found.get("usage"), dict):
        found["usage"] = {to_camel(name): value for name, value in found["usage"].items()}
    return found
