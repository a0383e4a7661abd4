"""The numbers of tables and indexes: pure bookkeeping that both stores share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reactive.values.tables import (
    BY_CREATION_TIME,
    BY_ID,
    IndexDefinition,
    TableDefinition,
    TableSpec,
    TextIndexDefinition,
    TextSpec,
)

_BUILT_IN = {BY_ID: (("_id",),), BY_CREATION_TIME: (("_creationTime",),)}
_FIRST_TABLE = 10_001
"""User tables start here, as Convex's do; the numbers below are for tables of the system."""


class Catalog:
    """Which number means which table or index. Numbers are never used again."""

    def __init__(self, tables: Iterable[TableDefinition] = (), next_index: int = 1) -> None:
        self._tables = {table.name: table for table in tables}
        self._next_index = next_index
        self._next_table = max(
            [_FIRST_TABLE, *(table.number + 1 for table in self._tables.values())]
        )
        own = [number for table in self._tables.values() if (number := table.number) < _FIRST_TABLE]
        self._next_system_table = max([0, *own]) + 1
        self.unsaved: list[TableDefinition] = []

    @property
    def next_index(self) -> int:
        return self._next_index

    def tables(self) -> Sequence[TableDefinition]:
        return tuple(self._tables.values())

    def index_numbers(self) -> set[int]:
        """The numbers of all indexes, of full-text ones too."""
        numbers: set[int] = set()
        for table in self._tables.values():
            numbers.update(table.index_numbers)
            numbers.update([index.number for index in table.text_indexes])
        return numbers

    def table(self, name: str) -> TableDefinition:
        """The table of this name, made when there is none."""
        table = self._tables.get(name)
        if table is None:
            indexes = tuple(self._new_index(each, fields) for each, fields in _BUILT_IN.items())
            table = TableDefinition(self._take_number(name), name, indexes)
            self._tables[name] = table
            self.unsaved.append(table)
        return table

    def _take_number(self, name: str) -> int:
        if name.startswith("_"):
            number = self._next_system_table
            self._next_system_table += 1
        else:
            number = self._next_table
            self._next_table += 1
        return number

    def _new_index(self, name: str, fields: tuple[tuple[str, ...], ...]) -> IndexDefinition:
        index = IndexDefinition(self._next_index, name, fields)
        self._next_index += 1
        return index

    def _new_text_index(self, name: str, spec: TextSpec) -> TextIndexDefinition:
        index = TextIndexDefinition(self._next_index, name, spec)
        self._next_index += 1
        return index

    def plan(self, specs: Sequence[TableSpec]) -> list[TableDefinition]:
        """What the tables become under these declarations; nothing changes until `adopt`.

        An index whose name and fields stay keeps its number. Tables that no declaration names
        keep no indexes but the built-in two.
        """
        wanted = {spec.name: spec.indexes for spec in specs}
        wanted_texts = {spec.name: spec.text_indexes for spec in specs}
        planned = []
        for name in [*wanted, *(name for name in self._tables if name not in wanted)]:
            table = self.table(name)
            kept = {(index.name, index.fields): index for index in table.indexes[2:]}
            indexes = [
                kept.get((each, fields)) or self._new_index(each, fields)
                for each, fields in wanted.get(name, {}).items()
            ]
            kept_texts = {(index.name, index.spec): index for index in table.text_indexes}
            texts = [
                kept_texts.get((each, spec)) or self._new_text_index(each, spec)
                for each, spec in wanted_texts.get(name, {}).items()
            ]
            planned.append(
                TableDefinition(table.number, name, (*table.indexes[:2], *indexes), tuple(texts))
            )
        return planned

    def saved(self, tables: Sequence[TableDefinition]) -> None:
        """Notes that these tables are durable; others may have been made meanwhile."""
        numbers = {table.number for table in tables}
        self.unsaved = [table for table in self.unsaved if table.number not in numbers]

    def plan_numbers(self, numbers: Mapping[str, int]) -> list[TableDefinition]:
        """What all tables become with these numbers; nothing changes until `adopt`."""
        names = dict.fromkeys([*self._tables, *numbers])
        return [
            replace(table, number=numbers.get(table.name, table.number))
            for table in map(self.table, names)
        ]

    def adopt(self, planned: Iterable[TableDefinition]) -> None:
        """Makes a plan the truth."""
        self._tables.update((table.name, table) for table in planned)
        numbers = [table.number for table in self._tables.values()]
        self._next_table = max([self._next_table, *(n + 1 for n in numbers)])
        own = [number for number in numbers if number < _FIRST_TABLE]
        self._next_system_table = max([self._next_system_table, *(n + 1 for n in own)])
