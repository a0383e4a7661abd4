"""The numbers of tables and indexes: pure bookkeeping that both stores share."""

from collections.abc import Iterable, Sequence

from reactive.values.tables import (
    BY_CREATION_TIME,
    BY_ID,
    IndexDefinition,
    TableDefinition,
    TableSpec,
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
        self.unsaved: list[TableDefinition] = []

    @property
    def next_index(self) -> int:
        return self._next_index

    def tables(self) -> Sequence[TableDefinition]:
        return tuple(self._tables.values())

    def table(self, name: str) -> TableDefinition:
        """The table of this name, made when there is none."""
        table = self._tables.get(name)
        if table is None:
            indexes = tuple(self._new_index(each, fields) for each, fields in _BUILT_IN.items())
            table = TableDefinition(self._next_table, name, indexes)
            self._next_table += 1
            self._tables[name] = table
            self.unsaved.append(table)
        return table

    def _new_index(self, name: str, fields: tuple[tuple[str, ...], ...]) -> IndexDefinition:
        index = IndexDefinition(self._next_index, name, fields)
        self._next_index += 1
        return index

    def plan(self, specs: Sequence[TableSpec]) -> list[TableDefinition]:
        """What the tables become under these declarations; nothing changes until `adopt`.

        An index whose name and fields stay keeps its number. Tables that no declaration names
        keep no indexes but the built-in two.
        """
        wanted = {spec.name: spec.indexes for spec in specs}
        planned = []
        for name in [*wanted, *(name for name in self._tables if name not in wanted)]:
            table = self.table(name)
            kept = {(index.name, index.fields): index for index in table.indexes[2:]}
            indexes = [
                kept.get((each, fields)) or self._new_index(each, fields)
                for each, fields in wanted.get(name, {}).items()
            ]
            planned.append(TableDefinition(table.number, name, (*table.indexes[:2], *indexes)))
        return planned

    def saved(self, tables: Sequence[TableDefinition]) -> None:
        """Notes that these tables are durable; others may have been made meanwhile."""
        self.unsaved = [table for table in self.unsaved if table not in tables]

    def adopt(self, planned: Iterable[TableDefinition]) -> None:
        """Makes a plan the truth."""
        self._tables.update((table.name, table) for table in planned)
