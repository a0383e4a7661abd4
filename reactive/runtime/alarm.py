"""Wakes whoever waits for a time to come, or for something in the database to change."""

import asyncio

from reactive.clock import Clock, Timer
from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.values.timestamp import Timestamp


class Alarm:
    """One sleeper's alarm. Implements `reactive.engine.database.Subscriber`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rings = asyncio.Event()

    def ring(self) -> None:
        """Wakes the sleeper, now or as soon as he sleeps."""
        self._rings.set()

    def invalidated(self, ts: Timestamp) -> None:
        self._rings.set()

    async def sleep(self, seconds: float | None, reads: Transaction | None) -> None:
        """Sleeps so long (None: for ever), or until what was read has changed, or `ring`."""
        timer: Timer | None = None
        try:
            if seconds is not None:
                timer = self._clock.call_later(max(0.0, seconds), self.ring)
            changed = reads is not None and self._database.subscribe(
                self, reads.reads, reads.begin_ts
            )
            if not changed:
                await self._rings.wait()
        finally:
            self._rings.clear()
            self._database.unsubscribe(self)
            if timer is not None:
                timer.cancel()
