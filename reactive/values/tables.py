"""Tables and their indexes, as storage and the engine see them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reactive.values.keys import IndexKey, encode_part, lookup
from reactive.values.text import TextEntry, split_words
from reactive.values.tuples import new_tuple

BY_ID: Final = "by_id"
BY_CREATION_TIME: Final = "by_creation_time"
ID_FIELD: Final = "_id"
CREATION_TIME_FIELD: Final = "_creationTime"

_IDENTIFIER: Final = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


def is_identifier(name: str) -> bool:
    """Whether the name may be that of a table, an index, a module's part or a document's field."""
    return bool(_IDENTIFIER.match(name))


class TextSpec(NamedTuple):
    """A full-text index as a schema declares it: the wire paths of its fields."""

    field: tuple[str, ...]
    filters: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table as a schema declares it: index name to the wire paths of its fields."""

    name: str
    indexes: Mapping[str, tuple[tuple[str, ...], ...]]
    text_indexes: Mapping[str, TextSpec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """An index as storage knows it. Creation time and id end every key, so keys are unique."""

    number: int
    name: str
    fields: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class TextIndexDefinition:
    """A full-text index as storage knows it. Its number is no other index's."""

    number: int
    name: str
    spec: TextSpec


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as storage knows it; `indexes` starts with `by_id` and `by_creation_time`."""

    number: int
    name: str
    indexes: tuple[IndexDefinition, ...]
    text_indexes: tuple[TextIndexDefinition, ...] = ()
    index_numbers: tuple[int, ...] = field(init=False, repr=False, compare=False)
    indexed: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The fields that any index looks into."""

    def __post_init__(self) -> None:
        # Every revision names its indexes; they share this one tuple.
        object.__setattr__(self, "index_numbers", tuple([each.number for each in self.indexes]))
        fields = {path[0]: None for index in self.indexes[2:] for path in index.fields}
        object.__setattr__(self, "indexed", tuple(fields))

    def index(self, name: str) -> IndexDefinition | None:
        for index in self.indexes:
            if index.name == name:
                return index
        return None

    def text_index(self, name: str) -> TextIndexDefinition | None:
        for index in self.text_indexes:
            if index.name == name:
                return index
        return None

    @property
    def by_id(self) -> IndexDefinition:
        return self.indexes[0]

    @property
    def by_creation_time(self) -> IndexDefinition:
        return self.indexes[1]

    def keys(self, wire: Mapping[str, Any]) -> tuple[IndexKey, ...]:
        """The document's key in each of the indexes, in their order."""
        own = encode_part(wire[ID_FIELD])
        created = encode_part(wire[CREATION_TIME_FIELD])
        keys = [
            new_tuple(IndexKey, (own, (own,))),
            new_tuple(IndexKey, (created + own, (created, own))),
        ]
        for index in self.indexes[2:]:
            values = []
            for path in index.fields:
                value = wire.get(path[0], _ABSENT) if len(path) == 1 else lookup(wire, path)
                values.append(encode_part(value))
            parts = (*values, created, own)
            keys.append(new_tuple(IndexKey, (b"".join(parts), parts)))
        return tuple(keys)

    def has_same_keys(self, wire: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two states of a document certainly have the same keys."""
        for name in self.indexed:
            value, now = wire.get(name, _ABSENT), other.get(name, _ABSENT)
            # 1.0 equals true, also deep inside of an object; texts and numbers are themselves.
            if type(value) is not type(now) or type(value) in (dict, list) or value != now:
                return False
        return True

    def text_entries(self, wire: Mapping[str, Any]) -> tuple[TextEntry, ...]:
        """The document's entry in each of the full-text indexes in which it has any words."""
        if not self.text_indexes:
            return ()
        entries = []
        for index in self.text_indexes:
            text = lookup(wire, index.spec.field)
            if type(text) is str and (words := split_words(text)):
                filters = tuple([encode_part(lookup(wire, path)) for path in index.spec.filters])
                created = wire[CREATION_TIME_FIELD]
                entries.append(TextEntry(index.number, created, " ".join(words), filters))
        return tuple(entries)


_ABSENT: Final = lookup({}, ("absent",))
