"""Live queries: one run for all who ask the same, kept for as long as it is true.

A `LiveQuery` is one function with one set of arguments, and with one identity if the function
looked at it. It is filed with the database under what its last run read. A commit that touches
that marks it stale, which costs nothing more; it runs again when the first of its watchers asks,
and the others get the same outcome.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, NamedTuple, Protocol

from reactive.backend import Caller, QueryOutcome, Watcher
from reactive.clock import Clock, Timer
from reactive.engine.database import Database
from reactive.engine.eager import run_eagerly
from reactive.limits import Limits
from reactive.values.encoding import JsonBytes
from reactive.values.ranges import ReadSet
from reactive.values.timestamp import Timestamp

_ANONYMOUS = "anonymous"
_CLOCK_NS = 17 * 10**9
"""How long a result that looked at the clock is given to newcomers (Convex's query cache)."""


class QueryKey(NamedTuple):
    """What makes two queries the same. `args` is canonical JSON."""

    path: str
    args: JsonBytes
    journal: str | None
    is_admin: bool
    identity: str | None = None
    """Set only for functions that look at it."""


class QueryRun(NamedTuple):
    """What one run of a query gave, and what it depends on.

    A change of `calm` may wait until `push_interval_s` have passed since the last push.
    """

    outcome: QueryOutcome
    reads: ReadSet
    looked_at_identity: bool
    looked_at_clock: bool
    calm: ReadSet | None = None
    push_interval_s: float = 0.0


class Execute(Protocol):
    """Runs a query on the snapshot at `at`."""

    def __call__(
        self, key: QueryKey, args: Any, caller: Caller, journal: str | None, at: Timestamp
    ) -> Coroutine[Any, Any, QueryRun]: ...


class LiveQuery:
    """Invariant: while `stale_at` is None, a fresh run would give `outcome`, or would have done so
    a push interval ago."""

    __slots__ = (
        "_args",
        "_cache",
        "_calm",
        "_task",
        "_waiting",
        "expires_at",
        "is_asked_again",
        "is_per_identity",
        "key",
        "outcome",
        "stale_at",
        "watches",
    )

    def __init__(self, cache: "LiveQueries", key: QueryKey, args: Any) -> None:
        self._cache = cache
        self._args = args
        self._calm: _Calm | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[Watcher, None] | None = None
        self.key = key
        self.outcome: QueryOutcome | None = None
        self.stale_at: Timestamp | None = None
        self.expires_at: Timestamp | None = None
        self.is_asked_again = False
        self.watches: dict[QueryWatch, None] = {}
        self.is_per_identity = False

    def holds_at(self, at: Timestamp) -> QueryOutcome | None:
        """The outcome, when it is the one at this timestamp or, if still true, a newer one."""
        outcome = self.outcome
        if outcome is None or (self.stale_at is not None and at >= self.stale_at):
            return None
        return outcome

    def refresh(self, caller: Caller, at: Timestamp, watcher: Watcher | None) -> None:
        """Runs the query, unless it is running; a watcher is told when that takes a while."""
        if self._task is None:
            journal = self.key.journal
            if self.outcome is not None and self.watches:
                journal = self.outcome.journal or journal
            run = self._cache.execute(self.key, self._args, caller, journal, at)
            self._task = run_eagerly(self._settle(run, caller))
        if self._task is not None and watcher is not None:
            self._waiting = self._waiting or {}
            self._waiting[watcher] = None

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._task is not None

    async def finished(self) -> None:
        """Returns when no run is under way."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _settle(self, run: Coroutine[Any, Any, QueryRun], caller: Caller) -> None:
        try:
            found = await run
        finally:
            self._task = None
        if found.looked_at_identity and self.key.identity is None:
            self.is_per_identity = True
            self.outcome = None
            own = self._cache.of_identity(self, caller)
            own.accept(found)
            self._tell()
        else:
            self.accept(found)
        waiting, self._waiting = self._waiting, None
        for watcher in waiting or ():
            watcher.ready()

    def accept(self, run: QueryRun) -> None:
        """Takes the result of a run, and files the query under what the run read."""
        outcome = run.outcome
        self.expires_at = self._cache.now_ns() + _CLOCK_NS if run.looked_at_clock else None
        known, self.outcome = self.outcome, outcome
        self.stale_at = self._cache.database.subscribe(self, run.reads, outcome.ts)
        if run.calm is not None and self.stale_at is None:
            self._calm = _Calm(self, self._cache, run.push_interval_s)
            self._calm.file(run.calm, outcome.ts)
        self._cache.keep(self)
        is_news = self.is_asked_again and (known is None or not known.says_the_same(outcome))
        self.is_asked_again = False
        if self.stale_at is not None or is_news:
            self._tell()

    @property
    def is_for_newcomers(self) -> bool:
        """Whether somebody who asks only now may be given what is known.

        A failure, or a result that looked at the clock a while ago, is for those who watched it
        happen. Passing time alone never runs a query again for them.
        """
        if self.outcome is None or self.outcome.failure is not None:
            return False
        return self.expires_at is None or self._cache.now_ns() < self.expires_at

    def ask_again(self) -> None:
        """Runs for a newcomer although nothing has changed; others are told if the outcome has."""
        self.stale_at = self.stale_at or 0
        self.is_asked_again = True

    @property
    def is_held(self) -> bool:
        """Whether it has changed, and its watchers are not told yet."""
        return self._calm is not None and self._calm.is_waiting

    def unfile(self) -> None:
        """It is not told of commits any more."""
        self._cache.database.unsubscribe(self)
        if self._calm is not None:
            self._calm.close()
            self._calm = None

    def invalidated(self, ts: Timestamp) -> None:
        """A commit changed what the last run read. Who tells has unfiled that, but no calm part."""
        if self._calm is not None:
            self.unfile()
        if self.stale_at is None:
            self.stale_at = ts
        if not self.watches:
            self._cache.drop(self)
            return
        self._tell()

    def _tell(self) -> None:
        for watch in list(self.watches):
            watch.watcher.stale(watch.query_id)


class _Calm:
    """What a live query read that may change for a while before its watchers are told.

    Implements `reactive.engine.database.Subscriber`.
    """

    __slots__ = ("_cache", "_due", "_is_closed", "_live", "_timer")

    def __init__(self, live: LiveQuery, cache: "LiveQueries", interval_s: float) -> None:
        self._live = live
        self._cache = cache
        self._due = cache.clock.monotonic() + interval_s
        self._timer: Timer | None = None
        self._is_closed = False

    @property
    def is_waiting(self) -> bool:
        return self._timer is not None

    def file(self, reads: ReadSet, at: Timestamp) -> None:
        """Listens to changes of these ranges."""
        conflict = self._cache.database.subscribe(self, reads, at)
        if conflict is not None:
            self.invalidated(conflict)

    def invalidated(self, ts: Timestamp) -> None:
        if self._is_closed:
            # The same commit has told the live query already.
            return
        wait = max(0.0, self._due - self._cache.clock.monotonic())
        self._timer = self._cache.clock.call_later(wait, lambda: self._live.invalidated(ts))

    def close(self) -> None:
        self._is_closed = True
        self._cache.database.unsubscribe(self)
        if self._timer is not None:
            self._timer.cancel()


class QueryWatch:
    """Implements `reactive.backend.Watch`."""

    __slots__ = ("_args", "_cache", "_caller", "_key", "_live", "query_id", "watcher")

    def __init__(
        self,
        cache: "LiveQueries",
        key: QueryKey,
        args: Any,
        caller: Caller,
        watcher: Watcher,
        query_id: int,
    ) -> None:
        self._cache = cache
        self._key = key
        self._args = args
        self._caller = caller
        self.watcher = watcher
        self.query_id = query_id
        self._live: LiveQuery | None = None

    def outcome(self, at: Timestamp) -> QueryOutcome | None:
        live = self._live
        if live is not None and live.stale_at is None and live.outcome is not None:
            return live.outcome
        return self._refreshed(at)

    def _refreshed(self, at: Timestamp) -> QueryOutcome | None:
        while True:
            live = self._attached()
            outcome = live.holds_at(at)
            if outcome is None:
                live = self._cache.resumed(live)
                outcome = live.holds_at(at)
            if outcome is not None:
                return outcome
            live.refresh(self._caller, at, self.watcher)
            if not live.is_per_identity:
                return live.holds_at(at)

    def _attached(self) -> LiveQuery:
        live = self._live
        if live is None:
            live = self._cache.get(self._key, self._args)
            self.attach(live)
            if live.outcome is not None and not live.is_for_newcomers:
                live.ask_again()
        if live.is_per_identity:
            live = self._cache.of_identity(live, self._caller)
            self.attach(live)
        return live

    def attach(self, live: LiveQuery) -> None:
        """Watches this one from now on."""
        if self._live is not None:
            self._live.watches.pop(self, None)
        self._live = live
        live.watches[self] = None
        self._cache.use(live)

    def close(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.watches.pop(self, None)
            if not live.watches:
                self._cache.retire(live)


class LiveQueries:
    """All live queries of a server, and the results of some that nobody watches any more."""

    def __init__(self, database: Database, limits: Limits, clock: Clock, execute: Execute) -> None:
        self.database = database
        self.execute = execute
        self.clock = clock
        self.now_ns = clock.now_ns
        self._limits = limits
        self._queries: dict[QueryKey, LiveQuery] = {}
        self._idle: OrderedDict[LiveQuery, int] = OrderedDict()
        self._idle_bytes = 0

    def __len__(self) -> int:
        return len(self._queries)

    def get(self, key: QueryKey, args: Any) -> LiveQuery:
        """The live query of this key, which may never have run."""
        live = self._queries.get(key)
        if live is None:
            live = self._queries[key] = LiveQuery(self, key, args)
        return live

    def of_identity(self, shared: LiveQuery, caller: Caller) -> LiveQuery:
        """The live query for one identity of a function that looks at it."""
        return self.get(shared.key._replace(identity=identity_name(caller)), shared._args)

    def keep(self, live: LiveQuery) -> None:
        """Notes that a live query has a fresh result."""
        outcome = live.outcome
        if outcome is not None and outcome.journal is not None and live.key.journal is None:
            # A client that comes back with the journal it was given finds the same pages.
            self._queries.setdefault(live.key._replace(journal=outcome.journal), live)
        if not live.watches:
            self.retire(live)

    def resumed(self, live: LiveQuery) -> LiveQuery:
        """The live query that goes on for one that has to run again.

        A page ends where it ended when its watchers first saw it; who comes after it has grown
        begins a page of his own. Pages that end at the same place are one from then on.
        """
        outcome = live.outcome
        is_first = live.key.journal is None and live.watches and not live.is_running
        if outcome is None or outcome.journal is None or not is_first:
            return live
        if self._queries.get(live.key) is live:
            del self._queries[live.key]
        twin = self._queries.get(live.key._replace(journal=outcome.journal), live)
        if twin is not live:
            for watch in list(live.watches):
                watch.attach(twin)
            self.drop(live)
        return twin

    def use(self, live: LiveQuery) -> None:
        """Notes that somebody watches it."""
        self._idle_bytes -= self._idle.pop(live, 0)

    def retire(self, live: LiveQuery) -> None:
        """Nobody watches it now: its result is kept while there is room."""
        outcome = live.outcome
        self.use(live)
        if not live.is_per_identity and (
            outcome is None or outcome.failure is not None or live.stale_at is not None
        ):
            self.drop(live)
            return
        size = 1_000 + len((outcome and outcome.value) or b"")
        self._idle[live] = size
        self._idle_bytes += size
        while self._idle and (
            self._idle_bytes > self._limits.cache_bytes_max
            or len(self._idle) > self._limits.cache_entries_max
        ):
            self.drop(next(iter(self._idle)))

    def drop(self, live: LiveQuery) -> None:
        """Forgets it."""
        self.use(live)
        live.unfile()
        for journal in {live.key.journal, live.outcome.journal if live.outcome else None}:
            key = live.key._replace(journal=journal)
            if self._queries.get(key) is live:
                del self._queries[key]

    def invalidate_all(self, ts: Timestamp) -> None:
        """Marks every query stale, as when the code has changed."""
        for live in list(self._queries.values()):
            live.unfile()
            live.invalidated(ts)


def identity_name(caller: Caller) -> str:
    """A text that two callers share when no function can tell their identities apart."""
    if caller.problem is not None:
        return f"refused:{caller.problem.code}:{caller.problem.message}"
    identity = caller.identity
    if identity is None:
        return _ANONYMOUS
    claims = sorted(identity.claims.items(), key=lambda item: item[0])
    return f"user:{(identity.token_identifier, identity.subject, identity.issuer, claims)!r}"
