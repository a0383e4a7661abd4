"""Both stores keep the promises of a change of indexes."""

from pathlib import Path

from typing_extensions import override

from reactive.limits import Limits
from reactive.storage.interface import Store
from reactive.storage.memory import MemoryStore
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.change_suite import SchemaChangeSuite

NAME = "data.sqlite3"


class TestMemory(SchemaChangeSuite):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return MemoryStore(limits)


class TestSQLite(SchemaChangeSuite):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return SQLiteStore(folder / NAME, limits, commit_in_thread=False)


class TestSQLiteInThread(SchemaChangeSuite):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return SQLiteStore(folder / NAME, limits, commit_in_thread=True)
