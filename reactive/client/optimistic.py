"""Optimistic updates: what the client shows while its mutations are on their way.

The server's results are the ground; each pending mutation with an update is a layer on it. The
layers are applied anew, in the order of the calls, whenever the ground or the layers change, so an
update is never applied to what already contains it.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from reactive.client.results import QueryKey, Result, Value, arguments_of, query_key
from reactive.errors import UsageError
from reactive.protocol.paths import canonical_path

_log = logging.getLogger("reactive.client")


class CachedQuery(NamedTuple):
    """A query of which the client has a value."""

    args: dict[str, Any]
    value: Any


class OptimisticStore:
    """The results that an optimistic update may read and replace. All values are copies."""

    def __init__(self, below: Callable[[], Iterable[QueryKey]], read: "Read") -> None:
        self._below = below
        self._read = read
        self.changes: dict[QueryKey, Result] = {}

    def get_query(
        self, function: str, args: Mapping[str, Any] | None = None, default: Any = None
    ) -> Any:
        """The value that subscribers of the query see now.

        `default` where there is none: nobody subscribes to it, it has no result yet, or it failed.
        """
        key = query_key(function, args or {})
        result = self._look_up(key)
        return result.get(key.path) if isinstance(result, Value) else default

    def set_query(self, function: str, args: Mapping[str, Any] | None, value: Any) -> None:
        """Shows `value` as the result of the query until the mutation is settled.

        Raises:
            CallError: when it is no value that a function could return.
        """
        self.changes[query_key(function, args or {})] = Value.of(value)

    def get_all_queries(self, function: str) -> list[CachedQuery]:
        """The queries of a function that have a value, whatever their arguments."""
        path = canonical_path(function)
        keys = dict.fromkeys([*self._below(), *self.changes])
        found = ((key, self._look_up(key)) for key in keys if key.path == path)
        return [
            CachedQuery(arguments_of(key), result.get(path))
            for key, result in found
            if isinstance(result, Value)
        ]

    def _look_up(self, key: QueryKey) -> Result | None:
        return self.changes[key] if key in self.changes else self._read(key)


Read = Callable[[QueryKey], Result | None]
OptimisticUpdate = Callable[[OptimisticStore], object]


class OptimisticResults:
    """The results as the client shows them: the server's, with the pending updates on top."""

    def __init__(self) -> None:
        self.ground: dict[QueryKey, Result] = {}
        self._layers: dict[int, OptimisticUpdate] = {}
        self._shown: dict[QueryKey, Result] = {}

    def get(self, key: QueryKey) -> Result | None:
        """What a subscriber sees."""
        return self._shown[key] if key in self._shown else self.ground.get(key)

    def push(self, request_id: int, update: OptimisticUpdate) -> set[QueryKey]:
        """Adds a layer on top; gives the queries that it changed.

        Raises:
            Exception: what the update raises; nothing has changed then.
        """
        changes = self._run(update)
        self._layers[request_id] = update
        self._shown.update(changes)
        return set(changes)

    def settle(self, request_ids: Iterable[int], told: Mapping[QueryKey, Result]) -> set[QueryKey]:
        """Removes layers and takes news of the server, in one step; gives what may have changed."""
        for request_id in request_ids:
            self._layers.pop(request_id, None)
        self.ground.update(told)
        return self._apply() | told.keys()

    def forget(self, key: QueryKey) -> set[QueryKey]:
        """A query without subscribers: the server will say nothing more about it."""
        self.ground.pop(key, None)
        return self._apply()

    def _apply(self) -> set[QueryKey]:
        before = self._shown
        self._shown = {}
        for request_id, update in list(self._layers.items()):
            try:
                self._shown.update(self._run(update))
            except Exception:  # noqa: BLE001 - it is the application's code that raised
                _log.exception("an optimistic update failed when it was applied again; it is gone")
                del self._layers[request_id]
        return before.keys() | self._shown.keys()

    def _run(self, update: OptimisticUpdate) -> dict[QueryKey, Result]:
        store = OptimisticStore(lambda: [*self.ground, *self._shown], self.get)
        outcome = update(store)
        if inspect.iscoroutine(outcome):
            outcome.close()
            raise UsageError("an optimistic update is no coroutine: it cannot wait for anything")
        return store.changes
