"""`ReactiveClient`, the face of the client."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

from reactive.client.auth import Auth, TokenSource
from reactive.client.connection import Connection
from reactive.client.errors import (
    AuthenticationError,
    ClientClosedError,
    ClientError,
    ConnectionLostError,
    FatalServerError,
)
from reactive.client.messages import Credential
from reactive.client.optimistic import OptimisticUpdate
from reactive.client.results import QueryKey, Result, query_key
from reactive.client.state import CallKind, Effects, Request, SyncState
from reactive.client.subscription import Listener, Subscription
from reactive.errors import CallError, ReactiveError, UsageError
from reactive.limits import DEFAULT_LIMITS, Limits

_log = logging.getLogger("reactive.client")
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}

Arguments = Mapping[str, Any] | None


class ReactiveClient:
    """A connection to a reactive server, which is made anew whenever it breaks.

    Arguments of a function are keywords, or a mapping where a name is none that Python can spell or
    is one of the method's own. Values are those of the server's functions: `int` and `float`,
    `Int64`, `str`, `bytes`, `None`, lists and dicts.

    A call that cannot be made now waits until it can; `asyncio.timeout` bounds that. A call that is
    cancelled before it was sent is never made.

    Args:
        url: the server's address, `http(s)://` or `ws(s)://`, with a path where a proxy adds one.
        admin_key: the server's; lets the client call internal functions.
        on_auth_change: told whether the server knows who the client is, when this changes.

    Raises:
        UsageError: for what is no address of a server.
    """

    def __init__(
        self,
        url: str,
        *,
        admin_key: str | None = None,
        on_auth_change: Callable[[bool], object] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._sync_url = sync_url(url)
        self._admin_key = admin_key
        self._on_auth_change = on_auth_change
        self._state = SyncState(str(uuid.uuid4()), limits)
        if admin_key is not None:
            self._state.authenticate(Credential("Admin", admin_key))
        self._connection = Connection(self._sync_url, self._state, limits, self._apply)
        self._auth = Auth(self._state, limits, self._connection.send, self._report_auth)
        self._calls: dict[Request, asyncio.Future[Any]] = {}
        self._listeners: dict[QueryKey, set[Listener]] = {}
        self._connected = asyncio.Event()
        self._has_synced = False
        self._end: ClientError | None = ClientClosedError(
            "the client is not open: use `async with ReactiveClient(url) as client`"
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise UsageError("a client is opened once; make a new one")
        self._end = None
        self._task = asyncio.create_task(self._connection.run())
        self._task.add_done_callback(self._connection_ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the client: calls under way fail with `ClientClosedError`, iterators end."""
        if self._end is None:
            self._finish(ClientClosedError("the client was closed before the answer came"), None)
        await self._auth.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # Functions

    async def query(self, function: str, args: Arguments = None, /, **kwargs: Any) -> Any:
        """The result of a query now; a subscription of it that is there already is made use of.

        Raises:
            ApplicationError: raised by the function on purpose.
            FunctionError: the function failed in another way.
            CallError: for a path or arguments that can be none.
            ClientClosedError: the client is not open.
        """
        async with self._subscribe(function, args, kwargs) as subscription:
            return await subscription.fresh()

    def subscribe(self, function: str, args: Arguments = None, /, **kwargs: Any) -> Subscription:
        """A live query; see `Subscription`.

        Raises:
            CallError: for a path or arguments that can be none.
            ClientClosedError: the client is not open.
        """
        return self._subscribe(function, args, kwargs)

    async def mutation(
        self,
        function: str,
        args: Arguments = None,
        /,
        *,
        optimistic: OptimisticUpdate | None = None,
        **kwargs: Any,
    ) -> Any:
        """Runs a mutation, exactly once, and gives its result.

        Mutations run in the order in which they were called. The result comes when the client's
        subscriptions show what was written. Until then, they show what `optimistic` makes of their
        results; it may be called often.

        Raises: as `query`; whatever `optimistic` raises, before anything is sent.
        """
        return await self._call("Mutation", function, args, kwargs, optimistic)

    async def action(self, function: str, args: Arguments = None, /, **kwargs: Any) -> Any:
        """Runs an action and gives its result.

        Raises: as `query`; `ConnectionLostError` when nobody knows whether it ran to its end.
        """
        return await self._call("Action", function, args, kwargs, None)

    # Identity

    def set_auth(self, source: TokenSource) -> asyncio.Future[bool]:
        """Says who the client is: a token, a function that gives one, or None for nobody.

        What is called afterwards is called by the new identity. A function, plain or `async`, is
        called for the first token, for a new one before the last one expires, and when the server
        refuses one. Once there is none that the server accepts, the client goes on as nobody.

        Returns:
            Whether the server accepted the identity; need not be awaited.
        """
        self._check_open()
        if self._admin_key is not None:
            raise UsageError("a client with an admin key cannot be somebody else, too")
        return self._auth.set(source)

    def clear_auth(self) -> None:
        """From now on the client is nobody."""
        self.set_auth(None)

    @property
    def is_authenticated(self) -> bool:
        """Whether the server has accepted the client's token."""
        return self._auth.is_known

    # Connection

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection on which the server has answered."""
        return self._end is None and self._has_synced

    async def wait_connected(self) -> None:
        """Returns once the client is connected.

        Raises:
            ClientError: when the client has ended.
        """
        while not self.is_connected:
            self._check_open()
            self._connected.clear()
            await self._connected.wait()

    # Inside

    def _subscribe(self, function: str, args: Arguments, kwargs: dict[str, Any]) -> Subscription:
        self._check_open()
        key = query_key(function, _merged(function, args, kwargs))
        listener = Listener(key)
        self._state.watch(key)
        self._listeners.setdefault(key, set()).add(listener)
        self._connection.send()
        return Subscription(self._state, listener, self._release)

    def _release(self, listener: Listener) -> None:
        listener.end(listener.error)
        listeners = self._listeners.get(listener.key, set())
        if listener in listeners:
            listeners.remove(listener)
            if not listeners:
                del self._listeners[listener.key]
            self._wake(self._state.unwatch(listener.key))
            self._connection.send()

    async def _call(
        self,
        kind: CallKind,
        function: str,
        args: Arguments,
        kwargs: dict[str, Any],
        update: OptimisticUpdate | None,
    ) -> Any:
        self._check_open()
        key = query_key(function, _merged(function, args, kwargs))
        request, changed = self._state.call(kind, key, update)
        future = self._calls[request] = asyncio.get_running_loop().create_future()
        self._wake(changed)
        self._connection.send()
        try:
            return await future
        except asyncio.CancelledError:
            effects = self._state.withdraw(request)
            if effects is not None:
                self._apply(effects)
            raise
        finally:
            self._calls.pop(request, None)

    def _apply(self, effects: Effects) -> None:
        """All that happened at once becomes visible at once.

        Raises:
            ClientError: when the client must end.
        """
        for path, line in effects.log:
            _log.info("%s: %s", path, line)
        for request, outcome in effects.settled:
            self._settle(request, outcome)
        self._wake(effects.changed)
        if effects.is_connected is not None:
            self._has_synced = effects.is_connected
        if effects.is_connected:
            self._connected.set()
            self._auth.synced()
        if effects.refused is not None:
            if self._admin_key is not None:
                self._fail(AuthenticationError(effects.refused.message))
            self._auth.refused(effects.refused)
            self._connection.reconnect()
        if effects.fatal is not None:
            self._fail(FatalServerError(effects.fatal.message))

    def _settle(self, request: Request, outcome: Result | None) -> None:
        future = self._calls.pop(request, None)
        if future is None or future.done():
            return  # its caller was cancelled
        if outcome is None:
            future.set_exception(
                ConnectionLostError(f"{request.path}: the connection broke during the action")
            )
            return
        try:
            future.set_result(outcome.get(request.path))
        except ReactiveError as error:
            future.set_exception(error)

    def _wake(self, keys: set[QueryKey]) -> None:
        for key in keys:
            for listener in self._listeners.get(key, ()):
                listener.news.set()

    def _report_auth(self, is_known: bool) -> None:
        if self._on_auth_change is not None:
            asyncio.get_running_loop().call_soon(self._on_auth_change, is_known)

    def _check_open(self) -> None:
        if self._end is not None:
            raise self._end

    def _connection_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if not isinstance(error, ClientError):
            _log.error("the client failed", exc_info=error)
            error = ClientError(f"the client failed: {error!r}")
        self._finish(error, error)

    def _fail(self, error: ClientError) -> NoReturn:
        """Ends the client before its connection, whose end would be taken for the reason."""
        self._finish(error, error)
        raise error

    def _finish(self, for_calls: ClientError, for_iterators: ClientError | None) -> None:
        self._end = for_calls
        self._has_synced = False
        self._connected.set()
        for future in self._calls.values():
            if not future.done():
                future.set_exception(for_calls)
        for listeners in list(self._listeners.values()):
            for listener in listeners:
                listener.end(for_iterators)


def sync_url(url: str) -> str:
    """Where the socket of a server is.

    Raises:
        UsageError: for what is no address of a server.
    """
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is no address of a server, such as http://127.0.0.1:3210")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/sync"


def _merged(function: str, args: Arguments, kwargs: dict[str, Any]) -> dict[str, Any]:
    merged = {**(args or {}), **kwargs}
    if len(merged) < len(args or {}) + len(kwargs):
        twice = sorted(set(args or {}) & set(kwargs))
        raise CallError(f"{function}: the argument {twice[0]!r} is given twice")
    return merged
