"""The generated files: `api.js`, `api.d.ts` and `dataModel.d.ts`.

They have the names and the shape that Convex's own generated files show to a front end, so that
code written for those imports these unchanged.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from reactive.codegen.data_model import data_model_text, table_type
from reactive.codegen.naming import resolver
from reactive.codegen.text import HEADER, imports, names_in
from reactive.codegen.types import Types
from reactive.codegen.typescript import (
    Field,
    Generic,
    Intersection,
    Object,
    Type,
    assigned,
    comment,
    literal,
)
from reactive.runtime.registry import FunctionDefinition
from reactive.runtime.runner import Project

_API_DOC = comment("The functions that clients may call, as `api.module.function`.")
_INTERNAL_DOC = comment("The functions that only other functions may call.")

_API_JS = f"""{HEADER.format(what="References to the functions of the app.")}
import {{ anyApi }} from "convex/server";

{_API_DOC}export const api = anyApi;

{_INTERNAL_DOC}export const internal = anyApi;
"""


@dataclass(frozen=True, slots=True)
class Generated:
    """The text of each file by its name, and what could not be typed, a line each."""

    files: Mapping[str, str]
    warnings: list[str]


def generate(project: Project) -> Generated:
    """The files for a project; the same project always gives the same text."""
    types = Types(project.schema)
    public, internal = _Module(), _Module()
    for definition in project.registry:
        root = public if definition.function.is_public else internal
        module, _, name = definition.path.rpartition(":")
        root.at(module.split("/")).functions[name] = _reference(types, name, definition)
    tables = Object(
        tuple(table_type(types, cls) for cls in project.schema.classes), is_expanded=True
    )
    declarations = types.declarations()
    named = resolver(declarations)
    declared = {each.name for each in declarations}
    return Generated(
        {
            "api.d.ts": _api_text(named(public.type()), named(internal.type()), declared),
            "api.js": _API_JS,
            "dataModel.d.ts": data_model_text(types, declarations, named(tables)),
        },
        types.warnings,
    )


@dataclass(slots=True)
class _Module:
    """A module, a folder of modules, or both under one name."""

    functions: dict[str, Field] = field(default_factory=dict)
    modules: dict[str, "_Module"] = field(default_factory=dict)

    def at(self, path: list[str]) -> "_Module":
        """The module of a path below this one."""
        if not path:
            return self
        return self.modules.setdefault(path[0], _Module()).at(path[1:])

    def type(self) -> Object:
        """What `api` has here. A name may be a function's and a module's at once."""
        fields = dict(self.functions)
        for name, module in self.modules.items():
            function = fields.get(name)
            inner = module.type()
            fields[name] = (
                Field(name, inner)
                if function is None
                else Field(name, Intersection(function.type, inner), doc=function.doc)
            )
        return Object(tuple(fields.values()), is_expanded=True)


def _reference(types: Types, name: str, definition: FunctionDefinition) -> Field:
    function = definition.function
    reference = Generic(
        "FunctionReference",
        (
            literal(definition.kind.value.lower()),
            literal("public" if function.is_public else "internal"),
            types.arguments(definition),
            types.result(definition),
        ),
    )
    return Field(name, reference, doc=inspect.cleandoc(function.handler.__doc__ or ""))


def _api_text(public: Type, internal: Type, declared: set[str]) -> str:
    used = names_in([public, internal])
    return "".join(
        [
            HEADER.format(what="References to the functions of the app, with their types."),
            "\n",
            imports(used & {"FunctionReference", "PaginationOptions", "PaginationResult"}),
            imports(used & {"Doc", "Id", "TableNames", *declared}, "./dataModel.js"),
            "\n" if used else "",
            _API_DOC,
            assigned("export declare const api:", public),
            "\n",
            _INTERNAL_DOC,
            assigned("export declare const internal:", internal),
        ]
    )
