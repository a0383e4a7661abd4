"""TypeScript types as a tree, and the tree as text in the layout of prettier.

Only what generated files need is here: every object type inside another type is either named or an
argument of a function, so unions of objects and the like never have to be laid out.
"""

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Direction = Literal["input", "output"]
"""Whether a client sends the value or is sent it."""

WIDTH = 80
_INDENT = 2
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """A type without parts: a keyword, a literal, the name of a declaration elsewhere."""

    text: str


@dataclass(frozen=True, slots=True)
class Generic:
    """A type with arguments, such as `Record<string, number>`."""

    name: str
    arguments: tuple["Type", ...]


@dataclass(frozen=True, slots=True)
class Array:
    """`Item[]`."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple, labelled or not."""

    items: tuple["Type", ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Union:
    """Two or more alternatives; made by `union`."""

    members: tuple["Type", ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """A type that is an object of named things besides."""

    first: "Type"
    second: "Object"


@dataclass(frozen=True, slots=True)
class Field:
    """A property of an object. `key` is the wire's name of it, `source` Python's."""

    key: str
    type: "Type"
    is_optional: bool = False
    doc: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Object:
    """An object type. `rest` is the type of properties that it may have besides."""

    fields: tuple[Field, ...]
    rest: "Type | None" = None
    is_expanded: bool = False
    """Whether each property has a line of its own even if one line would hold them all."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A type that is declared by name, twice when the two directions differ."""

    key: int
    direction: Direction


Type = Name | Generic | Array | Tuple | Union | Intersection | Object | Reference

ANY = Name("any")
NULL = Name("null")
STRING = Name("string")
NUMBER = Name("number")
ANY_OBJECT = Generic("Record", (STRING, ANY))


def union(members: list[Type]) -> Type:
    """The union, flattened, without repetitions, `null` at its end."""
    flat: dict[Type, None] = {}
    for member in members:
        flat |= dict.fromkeys(member.members if isinstance(member, Union) else (member,))
    if ANY in flat:
        return ANY
    if NULL in flat:
        del flat[NULL]
        flat[NULL] = None
    found = tuple(flat)
    if not found:
        return Name("never")
    return found[0] if len(found) == 1 else Union(found)


def literal(value: str) -> Name:
    """The type of one string."""
    return Name(quoted(value))


def quoted(text: str) -> str:
    """A string literal, in the quotes that need fewer escapes."""
    written = json.dumps(text, ensure_ascii=not text.isprintable())
    if text.count('"') > text.count("'"):
        inner = written[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{inner}'"
    return written


def parts(node: Type) -> Iterator[Type]:
    """The node and all nodes inside it."""
    yield node
    for inner in _children(node):
        yield from parts(inner)


def _children(node: Type) -> tuple[Type, ...]:
    match node:
        case Generic():
            return node.arguments
        case Array():
            return (node.item,)
        case Tuple():
            return node.items
        case Union():
            return node.members
        case Intersection():
            return (node.first, node.second)
        case Object():
            types = tuple(field.type for field in node.fields)
            return types if node.rest is None else (*types, node.rest)
        case Name() | Reference():
            return ()


def mapped(node: Type, change: Callable[[Type], Type]) -> Type:
    """The tree with every node replaced, from the leaves up."""
    match node:
        case Generic():
            node = Generic(node.name, tuple(mapped(each, change) for each in node.arguments))
        case Array():
            node = Array(mapped(node.item, change))
        case Tuple():
            node = Tuple(tuple(mapped(each, change) for each in node.items), node.labels)
        case Union():
            node = union([mapped(each, change) for each in node.members])
        case Intersection():
            second = mapped(node.second, change)
            assert isinstance(second, Object)
            node = Intersection(mapped(node.first, change), second)
        case Object():
            fields = (replace(each, type=mapped(each.type, change)) for each in node.fields)
            rest = None if node.rest is None else mapped(node.rest, change)
            node = replace(node, fields=tuple(fields), rest=rest)
        case Name() | Reference():
            pass
    return change(node)


def comment(text: str, indent: int = 0) -> str:
    """A JSDoc comment with its line end, or nothing for an empty text."""
    lines = [line.rstrip() for line in text.strip().replace("*/", "*\\/").splitlines()]
    if not lines:
        return ""
    pad = " " * indent
    if len(lines) == 1 and indent + len(lines[0]) + len("/**  */") <= WIDTH:
        return f"{pad}/** {lines[0]} */\n"
    body = "".join(f"{pad} * {line}".rstrip() + "\n" for line in lines)
    return f"{pad}/**\n{body}{pad} */\n"


def declaration(name: str, node: Type, doc: str = "") -> str:
    """`export type Name = …;` with its comment."""
    return f"{comment(doc)}{assigned(f'export type {name} =', node)}"


def assigned(lead: str, node: Type, indent: int = 0) -> str:
    """`lead node;`, broken as prettier breaks it. `lead` ends with `=` or `:`."""
    pad = " " * indent
    flat = _flat(node)
    one_line = None if flat is None else f"{pad}{lead} {flat};\n"
    if one_line is not None and len(one_line) <= WIDTH + 1:
        return one_line
    if isinstance(node, Union):
        deeper = indent + _INDENT
        members = _union_lines(node, deeper, trail=1)
        return f"{pad}{lead}\n{textwrap.indent(members, ' ' * deeper)};\n"
    if isinstance(node, Intersection):
        first = _flat(node.first)
        if first is None or len(f"{pad}{lead} {first} & {{") > WIDTH:
            first = _broken(node.first, indent)
        return f"{pad}{lead} {first} & {_broken(node.second, indent)};\n"
    return f"{pad}{lead} {_broken(node, indent)};\n"


def _flat(node: Type) -> str | None:
    """The type on one line, or None when it holds what needs lines of its own."""
    match node:
        case Name():
            return node.text
        case Generic():
            return _joined(node.arguments, ", ", f"{node.name}<", ">")
        case Array():
            inner = _flat(node.item)
            is_compound = isinstance(node.item, Union)
            return inner and (f"({inner})[]" if is_compound else f"{inner}[]")
        case Tuple():
            return _flat_tuple(node)
        case Union():
            return _joined(node.members, " | ", "", "")
        case Intersection():
            return None
        case Object():
            return _flat_object(node)
        case Reference():
            raise ValueError(f"{node.key} was not given a name")


def _joined(nodes: tuple[Type, ...], between: str, before: str, after: str) -> str | None:
    found = [_flat(node) for node in nodes]
    texts = [text for text in found if text is not None]
    return f"{before}{between.join(texts)}{after}" if len(texts) == len(found) else None


def _flat_tuple(node: Tuple) -> str | None:
    texts = [_flat(item) for item in node.items]
    if None in texts:
        return None
    if node.labels:
        texts = [f"{label}: {text}" for label, text in zip(node.labels, texts, strict=True)]
    return f"[{', '.join(str(text) for text in texts)}]"


def _flat_object(node: Object) -> str | None:
    if node.is_expanded or any(field.doc for field in node.fields):
        return None if _properties(node) else "{}"
    texts = []
    for key, type_, _ in _properties(node):
        text = _flat(type_)
        if text is None:
            return None
        texts.append(f"{key} {text}")
    return f"{{ {'; '.join(texts)} }}" if texts else "{}"


def _properties(node: Object) -> list[tuple[str, Type, str]]:
    """What stands before each property's type, the type, and its comment."""
    found = [(_key(field), field.type, field.doc) for field in node.fields]
    return found if node.rest is None else [*found, ("[key: string]:", node.rest, "")]


def _key(field: Field) -> str:
    key = field.key if _PLAIN_KEY.match(field.key) else quoted(field.key)
    return f"{key}{'?' if field.is_optional else ''}:"


def _broken(node: Type, indent: int) -> str:
    """The type over several lines; the first one's beginning belongs to the caller."""
    pad, deeper = " " * indent, indent + _INDENT
    match node:
        case Generic() if len(node.arguments) > 1 or not _is_hugged(node.arguments[0]):
            items = [_item(each, deeper, trail=1) for each in node.arguments]
            return "\n".join([f"{node.name}<", ",\n".join(items), f"{pad}>"])
        case Tuple() if node.items:
            labels = node.labels or ("",) * len(node.items)
            items = [
                _item(each, deeper, label=f"{label}: " if label else "", trail=1)
                for label, each in zip(labels, node.items, strict=True)
            ]
            return "\n".join(["[", *(f"{item}," for item in items), f"{pad}]"])
        case Array(Union() as inner):
            members = textwrap.indent(_union_lines(inner, deeper, trail=0), " " * deeper)
            return f"(\n{members}\n{pad})[]"
        case Array():
            return f"{_broken(node.item, indent)}[]"
        case Object() if _properties(node):
            return f"{{\n{_members(node, deeper)}{pad}}}"
        case Union():
            return _union_lines(node, indent, trail=1)
        case _:
            return _flat(node) or ""


def _is_hugged(node: Type) -> bool:
    return isinstance(node, Object | Name)


def _item(node: Type, indent: int, *, trail: int, label: str = "") -> str:
    """One of several things that have a line of their own."""
    pad = " " * indent
    flat = _flat(node)
    if flat is not None and indent + len(label) + len(flat) + trail <= WIDTH:
        return f"{pad}{label}{flat}"
    if isinstance(node, Union):
        return textwrap.indent(_union_lines(node, indent, trail), pad)
    return f"{pad}{label}{_broken(node, indent)}"


def _union_lines(node: Union, indent: int, trail: int) -> str:
    """The members on one line if it holds them, otherwise one below the other; not indented."""
    flat = _flat(node)
    if flat is not None and indent + len(flat) + trail <= WIDTH:
        return flat
    return "\n".join(
        f"| {text}"
        for each in node.members
        if (text := _item(each, indent + _INDENT, trail=0).strip())
    )


def _members(node: Object, indent: int) -> str:
    return "".join(
        f"{comment(doc, indent)}{assigned(key, type_, indent)}"
        for key, type_, doc in _properties(node)
    )
