"""The `reactive` command with short slices, whose long work waits in its middle for the test.

Work of the kind that HOLD names says `held KIND TABLE` on stdout after the first slice, and goes on
once the file that GATE names exists.
"""

import asyncio
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from typing_extensions import override

from reactive.app import App
from reactive.cli import main, serve
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime import loader
from reactive.runtime.progress import Progress
from reactive.values.tables import TableDefinition

LIMITS = replace(DEFAULT_LIMITS, slice_documents_max=10, progress_s=0.0)


class HeldProgress(Progress):
    @override
    async def report(self, verb: str, table: TableDefinition, done: int) -> None:
        await super().report(verb, table, done)
        gate = Path(os.environ["GATE"])
        if verb == os.environ["HOLD"] and not await asyncio.to_thread(gate.exists):
            print(f"held {verb} {table.name}", flush=True)
            while not await asyncio.to_thread(gate.exists):  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.005)


if __name__ == "__main__":
    vars(serve)["App"] = partial(App, limits=LIMITS)
    vars(loader)["Progress"] = HeldProgress
    main()
