"""`dataModel.d.ts`: the tables with their indexes, and the types that functions use."""

from collections.abc import Iterator

from reactive.codegen.naming import Declaration, resolver
from reactive.codegen.text import HEADER, imports, names_in
from reactive.codegen.types import Types
from reactive.codegen.typescript import (
    NUMBER,
    STRING,
    Field,
    Generic,
    Name,
    Object,
    Reference,
    Tuple,
    Type,
    assigned,
    comment,
    declaration,
    literal,
    parts,
    union,
)
from reactive.runtime.document import Document, Index, SearchIndex, VectorIndex
from reactive.values.tables import BY_CREATION_TIME, BY_ID, CREATION_TIME_FIELD, ID_FIELD

_PAGES = {"PaginationOptions", "PaginationResult"}
_NEVER = Name("never")
_ID_DOC = "The id of a document: a string whose type knows the table."

_NO_TABLES = f"""
/** The app declares no tables, so any name may be a table's. */
export type DataModel = AnyDataModel;

/** The names of all tables. */
export type TableNames = string;

/** A document of a table. */
export type Doc<TableName extends TableNames = TableNames> =
  DataModel[TableName]["document"];

{comment(_ID_DOC)}export type Id<TableName extends TableNames = TableNames> =
  GenericId<TableName>;
"""

_TABLES = """
/** The names of all tables, the system's own among them. */
export type TableNames = TableNamesInDataModel<DataModel> | SystemTableNames;

/** A document of a table. */
export type Doc<TableName extends TableNames> = (DataModel &
  SystemDataModel)[TableName]["document"];
"""


def data_model_text(types: Types, declarations: list[Declaration], tables: Type) -> str:
    """The file; `tables` is the `DataModel`, all of whose names are known."""
    named = resolver(declarations)
    bodies = [named(each.body) for each in declarations]
    pages = names_in(bodies) & _PAGES
    if types.documents:
        convex = {"SystemDataModel", "SystemTableNames", "TableNamesInDataModel"}
        start = [
            "\n",
            comment("The tables of schema.py: their documents and indexes."),
            assigned("export type DataModel =", tables),
            _TABLES,
            *_id_texts(list(types.tables_without_class)),
        ]
    else:
        convex = {"AnyDataModel"}
        start = [_NO_TABLES]
    return "".join(
        [
            HEADER.format(what="The tables of the app, and the types that its functions use."),
            "\n",
            imports(convex | pages),
            imports(["GenericId"], "convex/values"),
            *start,
            *(
                f"\n{declaration(each.name, body, each.doc)}"
                for each, body in zip(declarations, bodies, strict=True)
            ),
        ]
    )


def _id_texts(others: list[str]) -> Iterator[str]:
    """`Id`, for tables of the schema and for `others` that functions name without a class."""
    bound = "TableNames"
    if others:
        bound = "IdTableNames"
        yield "\n" + comment("Tables that an id may name; some have no class in schema.py.")
        yield assigned(f"export type {bound} =", union([Name("TableNames"), *map(literal, others)]))
    yield f"\n{comment(_ID_DOC)}"
    yield f"export type Id<TableName extends {bound}> = GenericId<TableName>;\n"


def table_type(types: Types, cls: type[Document]) -> Field:
    """A table's entry in the data model."""
    document = types.documents[cls.__table__]
    indexes: dict[str, Type] = {
        BY_ID: _literals([ID_FIELD]),
        BY_CREATION_TIME: _literals([CREATION_TIME_FIELD]),
    }
    search: dict[str, Type] = {}
    vector: dict[str, Type] = {}
    for index in _indexes_of(cls):
        paths = [_wire_path(types, document, name) for name in index.fields]
        if isinstance(index, SearchIndex | VectorIndex):
            filters = [_wire_path(types, document, name) for name in index.filter_fields]
            filter_fields = Field(
                "filterFields", union([literal(each) for each in filters]) if filters else _NEVER
            )
            if isinstance(index, SearchIndex):
                own = (Field("searchField", literal(paths[0])),)
                search[index.name] = Object((*own, filter_fields), is_expanded=True)
            else:
                both = (Field("vectorField", literal(paths[0])), Field("dimensions", NUMBER))
                vector[index.name] = Object((*both, filter_fields), is_expanded=True)
        else:
            indexes[index.name] = _literals([*paths, CREATION_TIME_FIELD])
    return Field(
        cls.__table__,
        Object(
            (
                Field("document", document),
                Field("fieldPaths", union([*dict.fromkeys(_field_paths(types, document))])),
                Field("indexes", _object(indexes)),
                Field("searchIndexes", _object(search)),
                Field("vectorIndexes", _object(vector)),
            ),
            is_expanded=True,
        ),
    )


def _literals(texts: list[str]) -> Tuple:
    return Tuple(tuple(literal(text) for text in texts))


def _object(entries: dict[str, Type]) -> Object:
    fields = tuple(Field(name, entry) for name, entry in entries.items())
    return Object(fields, is_expanded=True)


def _indexes_of(cls: type[Document]) -> list[Index]:
    """The indexes of a class and of those that it derives from, by name."""
    found: dict[str, Index] = {}
    for base in reversed(cls.__mro__):
        found |= {each.name: each for each in vars(base).values() if isinstance(each, Index)}
    return list(found.values())


def _objects(types: Types, node: Type) -> Iterator[tuple[Reference, Object]]:
    """The named objects that a value of this type may be."""
    members = parts(node) if not isinstance(node, Generic) else iter(())
    for member in members:
        if isinstance(member, Reference):
            body = types.body(member)
            if isinstance(body, Object):
                yield member, body
            else:
                yield from _objects(types, body)


def _wire_path(types: Types, document: Type, dotted: str) -> str:
    """A field's path in the wire's names, from one in Python's."""
    first, _, rest = dotted.partition(".")
    for _, body in _objects(types, document):
        for field in body.fields:
            if field.source == first:
                inner = _wire_path(types, field.type, rest) if rest else ""
                return f"{field.key}.{inner}" if rest else field.key
    return dotted


def _field_paths(
    types: Types, node: Type, prefix: str = "", above: frozenset[Reference] = frozenset()
) -> Iterator[Type]:
    """The paths of all fields, nested ones with dots; a class inside itself is not entered."""
    for reference, body in _objects(types, node):
        if reference in above:
            continue
        for field in body.fields:
            path = prefix + field.key
            yield literal(path)
            yield from _field_paths(types, field.type, f"{path}.", above | {reference})
            if isinstance(field.type, Generic) and field.type.name == "Record":
                yield Name(f"`{path}.${{{STRING.text}}}`")
