"""All documents of a table, while everything else goes on."""

import asyncio
from collections.abc import AsyncIterator

from reactive.engine.database import Database
from reactive.limits import Limits
from reactive.values.document import Row
from reactive.values.keys import after, prefix_end
from reactive.values.tables import TableDefinition

_FIRST_SLICE = 16
_END = prefix_end(b"")


async def walk(
    database: Database, table: TableDefinition, limits: Limits
) -> AsyncIterator[list[Row]]:
    """The documents of a table in the order of their ids, a slice at a time.

    Each slice is as the newest commit leaves it, and others have their turn between two: whoever
    wants to know all documents of one moment follows the commits as well (`Database.observers`).
    """
    lower, limit = b"", _FIRST_SLICE
    while True:
        snapshot = database.store.snapshot(database.head)
        rows = await snapshot.scan(table.by_id, lower, _END, limit=limit)
        if rows:
            yield rows
        if len(rows) < limit:
            return
        lower = after(rows[-1].key)
        average = sum([row.size for row in rows]) // len(rows) + 1
        limit = max(1, min(limits.slice_documents_max, limits.slice_bytes_max // average))
        await asyncio.sleep(0)
