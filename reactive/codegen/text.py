"""What all generated files begin with: who made them, and what they import."""

from collections.abc import Iterable
from typing import Final

from reactive.codegen.typescript import WIDTH, Generic, Name, Type, parts

HEADER: Final = """/* eslint-disable */
/**
 * {what}
 *
 * Made by `reactive codegen` from schema.py and functions/. Do not edit it: run
 * the command again when they have changed.
 *
 * @module
 */
"""


def names_in(nodes: Iterable[Type]) -> set[str]:
    """The names that types use, keywords and literals among them."""
    return {
        part.text if isinstance(part, Name) else part.name
        for node in nodes
        for part in parts(node)
        if isinstance(part, Name | Generic)
    }


def imports(names: Iterable[str], source: str = "convex/server") -> str:
    """The import of these types, or nothing when there are none."""
    found = sorted(names)
    if not found:
        return ""
    line = f'import type {{ {", ".join(found)} }} from "{source}";\n'
    if len(line) <= WIDTH + 1:
        return line
    inner = "".join(f"  {name},\n" for name in found)
    return f'import type {{\n{inner}}} from "{source}";\n'
