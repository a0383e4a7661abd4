"""Who watches what at this moment, and what they say of themselves: in memory, and nowhere else.

A cursor that moves and a window that is open are true for seconds and wanted by those who look.
They cost no transaction and run no query again, however often they change. The figures are those
of one process; a restart forgets them, and clients that come back say it all again.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

from reactive.clock import Clock, Timer, sleep
from reactive.errors import LimitError
from reactive.limits import DEFAULT_LIMITS, Limits

_registries: WeakKeyDictionary[Clock, "Watchers"] = WeakKeyDictionary()


@dataclass(slots=True)
class Watcher:
    """One window. `data` is its own business; `since` is milliseconds since the epoch."""

    user: str
    client_id: str
    name: str
    data: Any
    since: float
    until: float
    """When it is forgotten, on the monotonic clock, unless it is heard of again."""
    connections: int = 0

    def shown(self) -> dict[str, Any]:
        """As others see it."""
        return {
            "userId": self.user,
            "clientId": self.client_id,
            "name": self.name,
            "data": self.data,
            "since": self.since,
        }


class _Topic:
    def __init__(self) -> None:
        self.watchers: dict[tuple[str, str], Watcher] = {}
        self.followers: set[asyncio.Event] = set()

    def ring(self) -> None:
        for follower in self.followers:
            follower.set()


class Watchers:
    """The watchers of all topics. A topic is there while somebody watches or follows it."""

    def __init__(self, clock: Clock, limits: Limits = DEFAULT_LIMITS) -> None:
        self._clock = clock
        self._limits = limits
        self._topics: dict[str, _Topic] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def note(self, topic: str, user: str, client_id: str, name: str, data: Any) -> Watcher:
        """Somebody watches, or says something else of himself, and is believed for a while.

        Raises:
            LimitError: when there are too many already.
        """
        known = self._topics.setdefault(topic, _Topic())
        self._forget(known)
        watcher = known.watchers.get((user, client_id))
        if watcher is None:
            if len(known.watchers) >= self._limits.watchers_max:
                raise LimitError("too many watch this already", code="TooManyWatchers")
            since = self._clock.now_ns() / 1e6
            watcher = known.watchers[user, client_id] = Watcher(
                user, client_id, name, data, since, inf
            )
        watcher.name, watcher.data = name, data
        self._believe(watcher)
        known.ring()
        return watcher

    @contextmanager
    def connected(
        self, topic: str, user: str, client_id: str, name: str, data: Any
    ) -> Iterator[None]:
        """Somebody watches for as long as this lasts.

        Raises:
            LimitError: as `note`.
        """
        watcher = self.note(topic, user, client_id, name, data)
        watcher.connections += 1
        watcher.until = inf
        try:
            yield
        finally:
            watcher.connections -= 1
            known = self._topics[topic]
            if watcher.connections == 0:
                del known.watchers[user, client_id]
                known.ring()
                self._tidy(topic)

    def present(self, topic: str) -> list[dict[str, Any]]:
        """The watchers of a topic, in the order in which they came."""
        known = self._topics.get(topic)
        if known is None:
            return []
        self._forget(known)
        self._tidy(topic)
        return [watcher.shown() for watcher in known.watchers.values()]

    async def follow(self, topic: str) -> AsyncGenerator[list[dict[str, Any]], None]:
        """The watchers of a topic now, and again after each change, but not too often."""
        known = self._topics.setdefault(topic, _Topic())
        news = asyncio.Event()
        known.followers.add(news)
        told: list[dict[str, Any]] | None = None
        try:
            while True:
                news.clear()
                found = self.present(topic)
                if found != told:
                    told = found
                    yield found
                    await sleep(self._clock, self._limits.watchers_gap_s)
                else:
                    await self._wait(known, news)
        finally:
            known.followers.discard(news)
            self._tidy(topic)

    async def _wait(self, known: _Topic, news: asyncio.Event) -> None:
        """Waits for a change, or until somebody is to be forgotten."""
        until = min((watcher.until for watcher in known.watchers.values()), default=inf)
        timer: Timer | None = None
        if until < inf:
            timer = self._clock.call_later(max(0.0, until - self._clock.monotonic()), news.set)
        try:
            await news.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _believe(self, watcher: Watcher) -> None:
        if not watcher.connections:
            watcher.until = self._clock.monotonic() + self._limits.watcher_silent_s

    def _forget(self, known: _Topic) -> None:
        now = self._clock.monotonic()
        for key, watcher in list(known.watchers.items()):
            if watcher.until <= now:
                del known.watchers[key]

    def _tidy(self, topic: str) -> None:
        known = self._topics.get(topic)
        if known is not None and not known.watchers and not known.followers:
            del self._topics[topic]


def watchers_of(clock: Clock) -> Watchers:
    """The one registry of those who share a clock: of this process, or of a test's backend."""
    found = _registries.get(clock)
    if found is None:
        found = _registries[clock] = Watchers(clock)
    return found
