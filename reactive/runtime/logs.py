"""What functions do, told to whoever follows the log of the server. Nobody follows: no work."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import orjson

from reactive.clock import Clock
from reactive.limits import Limits
from reactive.runtime.execution import Execution
from reactive.values.encoding import JsonBytes

_DROPPED: Final = b'{"dropped":%d}\n'


class LogFeed:
    """Implements `reactive.backend.LogSource`. An entry is encoded once for all followers."""

    def __init__(
        self, limits: Limits, clock: Clock, explain: Callable[[BaseException], str]
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._explain = explain
        self._followers: set[LogFollower] = set()

    def follow(self, *, all_runs: bool) -> "LogFollower":
        follower = LogFollower(self, self._limits.log_feed_bytes_max, all_runs=all_runs)
        self._followers.add(follower)
        return follower

    @property
    def is_followed(self) -> bool:
        """Whether anything that is noted would be read."""
        return bool(self._followers)

    def forget(self, follower: "LogFollower") -> None:
        """Tells a follower nothing any more."""
        self._followers.discard(follower)

    def close(self) -> None:
        """Nothing will happen any more: every follower comes to an end."""
        for follower in list(self._followers):
            follower.end()

    def note(
        self,
        kind: str,
        path: str,
        run: Execution | None,
        *,
        request_id: str = "",
        error: BaseException | None = None,
    ) -> None:
        """A function has run, or could not be (`run` is None). Never waits."""
        if not self._followers:
            return
        now_ms = self._clock.now_ns() / 1e6
        lines = [] if run is None else run.log
        started_ms = now_ms if run is None else run.now_ms
        entry: dict[str, object] = {
            "ts": started_ms,
            "path": path,
            "kind": kind,
            "requestId": request_id,
            "durationMs": max(0.0, now_ms - started_ms),
            "status": "success" if error is None else "error",
            "logLines": [line.encode(errors="replace").decode() for line in lines],
        }
        if error is not None:
            entry["error"] = self._explain(error).encode(errors="replace").decode()
        text = orjson.dumps(entry) + b"\n"
        for follower in self._followers:
            if follower.all_runs or error is not None or lines:
                follower.put(text)


class LogFollower:
    """Implements `reactive.backend.LogFollower`. What it has not read is bounded."""

    def __init__(self, feed: LogFeed, bytes_max: int, *, all_runs: bool) -> None:
        self._feed = feed
        self._bytes_max = bytes_max
        self._waiting: deque[JsonBytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._news = asyncio.Event()
        self._is_over = False
        self.all_runs = all_runs

    def put(self, text: JsonBytes) -> None:
        """Adds an entry; the oldest ones that have no room any more are dropped, and counted."""
        self._waiting.append(text)
        self._bytes += len(text)
        while self._bytes > self._bytes_max:
            self._bytes -= len(self._waiting.popleft())
            self._dropped += 1
        self._news.set()

    def end(self) -> None:
        """There will be no more."""
        self._is_over = True
        self._news.set()

    async def next(self) -> JsonBytes | None:
        while not self._waiting and not self._dropped:
            if self._is_over:
                return None
            self._news.clear()
            await self._news.wait()
        text = b"".join(self._waiting)
        if self._dropped:
            text = _DROPPED % self._dropped + text
        self._waiting.clear()
        self._bytes = self._dropped = 0
        return text

    def close(self) -> None:
        self._feed.forget(self)
