"""Transactions of the server itself on its own tables."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from reactive.engine.transaction import Transaction
from reactive.errors import ReactiveError
from reactive.runtime.db import SystemTables
from reactive.values.timestamp import Timestamp

T = TypeVar("T")

SYSTEM: Final = "_system"
"""What transactions of the server itself are called in conflicts and logs."""


class SystemWork(Generic[T]):
    """A transaction of the server itself. Implements `reactive.engine.committer.Work`."""

    client: object | None = None

    def __init__(
        self,
        open_tables: Callable[[Transaction], SystemTables],
        work: Callable[[SystemTables], Awaitable[T]],
    ) -> None:
        self._open_tables = open_tables
        self._work = work
        self._result: T
        self.done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def run(self, begin: Callable[[], Transaction]) -> Transaction | None:
        transaction = begin()
        transaction.source = SYSTEM
        try:
            self._result = await self._work(self._open_tables(transaction))
        except Exception as error:  # noqa: BLE001 - handed over to whoever waits
            if not self.done.done():
                self.done.set_exception(error)
            return None
        return transaction

    def committed(self, ts: Timestamp) -> None:
        if not self.done.done():
            self.done.set_result(self._result)

    def failed(self, error: ReactiveError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
