"""Long work on a table tells how far it is."""

import logging

from reactive.clock import Clock
from reactive.limits import Limits
from reactive.storage.interface import Store
from reactive.values.tables import TableDefinition

_log = logging.getLogger("reactive")


class Progress:
    """Lines such as "checking messages: 40,000 of 200,000 documents", for work that takes longer.

    The first comes after `Limits.progress_s`, each further one after twice the time.
    """

    def __init__(self, store: Store, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._work: tuple[str, str] | None = None
        self._begun = 0.0
        self._due_s = 0.0

    async def report(self, verb: str, table: TableDefinition, done: int) -> None:
        """So many documents of the table are done; called after every slice of the work."""
        now = self._clock.monotonic()
        if self._work != (verb, table.name):
            self._work = verb, table.name
            self._begun, self._due_s = now, self._limits.progress_s
        if now - self._begun < self._due_s:
            return
        self._due_s = 2 * (now - self._begun)
        total = await self._store.count(table)
        _log.info("%s %s: %s of %s documents", verb, table.name, f"{done:,}", f"{total:,}")
