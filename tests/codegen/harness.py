"""Functions and tables made in a test, as the text of their types."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from reactive.codegen.files import Generated, generate
from reactive.runtime.codec import Encoder
from reactive.runtime.decorators import query
from reactive.runtime.document import Document
from reactive.runtime.registry import FunctionRegistry
from reactive.runtime.runner import Project
from reactive.runtime.schema import Schema


def generated(
    *handlers: Callable[..., Any], case: str = "exact", tables: Iterable[type[Document]] = ()
) -> Generated:
    """The files of a project whose module `m` has these queries."""
    functions = [("m", handler.__name__, query(handler)) for handler in handlers]
    classes = list(tables)
    return generate(
        Project(FunctionRegistry(functions, case), Schema(classes, case), Encoder(case))
    )


def types_of(annotation: Any, case: str = "exact") -> tuple[str, str, Generated]:
    """An annotation as an argument and as a result, and all files."""

    async def f(ctx: object, value) -> None: ...  # type: ignore[no-untyped-def]

    f.__annotations__ = {"value": annotation, "return": annotation}
    files = generated(f, case=case)
    text = re.sub(r"\s+", " ", files.files["api.d.ts"])
    found = re.search(r'"public", \{ value: (.*?) \}, (.*) ?>; \}; \}; /\*\* The functions', text)
    assert found is not None, text
    return found[1], found[2].strip(), files


def declared(files: Generated, name: str) -> str:
    """The body of a declaration on one line."""
    text = re.sub(r"\s+", " ", files.files["dataModel.d.ts"])
    found = re.search(rf"export type {name} = (.*?); (?=/\*\*|export |$)", text)
    assert found is not None, text
    return found[1]
