"""Who the client is: where its token comes from, and when a new one is needed."""

import asyncio
import base64
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from reactive.client.messages import AuthRefused, Credential
from reactive.client.state import SyncState
from reactive.limits import Limits

_log = logging.getLogger("reactive.client")

TokenFetcher = Callable[[], str | Awaitable[str | None] | None]
"""Gives a token that is valid now, or None for nobody; called whenever one is needed."""

TokenSource = str | TokenFetcher | None


class Auth:
    """Keeps the credential of a `SyncState` valid.

    `send` is called when the state has something to send, `report` with whether the server knows
    who the client is, each time that this changes.
    """

    def __init__(
        self,
        state: SyncState,
        limits: Limits,
        send: Callable[[], None],
        report: Callable[[bool], None],
    ) -> None:
        self._state = state
        self._limits = limits
        self._send = send
        self._report = report
        self._source: TokenSource = None
        self._token: str | None = None
        self._refusals = 0
        self._is_known = False
        self._waiter: asyncio.Future[bool] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_known(self) -> bool:
        """Whether the server has accepted the token."""
        return self._is_known

    def set(self, source: TokenSource) -> asyncio.Future[bool]:
        """A new identity; the future tells whether the server accepted it."""
        self._cancel()
        self._answer(False)
        self._waiter = asyncio.get_running_loop().create_future()
        waiter = self._waiter
        self._source, self._refusals = source, 0
        if callable(source):
            self._state.pause()
            self._start(self._fetch_first(source))
        else:
            self._use(source)
        return waiter

    def refused(self, message: AuthRefused) -> None:
        """The server said so; it closes the socket."""
        state = self._state
        if message.base_version + 1 < state.identity_version:
            return  # about a token that has been replaced
        if not message.attempted and not state.is_identity_confirmed:
            return  # the identity before the one that is on its way
        self._refusals += 1
        source = self._source
        self._cancel()
        if callable(source) and self._refusals <= self._limits.client_token_attempts_max:
            state.pause()
            self._start(self._fetch_again(source, message.message))
        else:
            self._give_up(message.message)

    def synced(self) -> None:
        """The server has told how far it has come."""
        if self._token is None or not self._state.is_identity_confirmed:
            return
        self._refusals = 0
        self._answer(True)
        self._know(True)
        if callable(self._source) and self._task is None:
            delay = refresh_delay(self._token, time.time(), self._limits)
            if delay is not None:
                self._start(self._refresh(self._source, delay))

    async def close(self) -> None:
        """Ends what is under way."""
        task = self._task
        self._cancel()
        self._answer(False)
        if task is not None:
            await asyncio.wait({task})

    async def _fetch_first(self, source: TokenFetcher) -> None:
        token = await self._fetch(source)
        self._task = None
        self._use(token)

    async def _fetch_again(self, source: TokenFetcher, reason: str) -> None:
        token = await self._fetch(source)
        self._task = None
        if token is None or token == self._token:
            self._give_up(reason)
        else:
            self._use(token)

    async def _refresh(self, source: TokenFetcher, delay: float) -> None:
        await asyncio.sleep(delay)
        token = await self._fetch(source)
        self._task = None
        if token is None:
            self._give_up("the token could not be refreshed")
        else:
            self._use(token)

    async def _fetch(self, source: TokenFetcher) -> str | None:
        try:
            token = source()
            if inspect.isawaitable(token):
                token = await token
        except Exception:  # noqa: BLE001 - it is the application's code that raised
            _log.exception("no token: its source failed")
            return None
        return token

    def _use(self, token: str | None) -> None:
        self._token = token
        self._state.authenticate(None if token is None else Credential("User", token))
        if token is None:
            self._answer(False)
            self._know(False)
        self._send()

    def _give_up(self, reason: str) -> None:
        _log.error("the client goes on as nobody: %s", reason)
        self._source = None
        self._use(None)

    def _know(self, is_known: bool) -> None:
        if is_known != self._is_known:
            self._is_known = is_known
            self._report(is_known)

    def _answer(self, accepted: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(accepted)
        self._waiter = None

    def _start(self, work: Any) -> None:
        self._task = asyncio.get_running_loop().create_task(work)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


def refresh_delay(token: str, now: float, limits: Limits) -> float | None:
    """Seconds until a token should be replaced; None when it does not say how long it lives.

    Reads `iat` and `exp` without verifying anything. The clock of this machine may be wrong, so
    the whole lifetime of the token is an upper bound.
    """
    claims = _claims(token)
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        return None
    left = min(expires - now, expires - issued) - limits.client_token_leeway_s
    return float(min(max(left, limits.client_token_age_min_s), limits.client_token_age_max_s))


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}  # not every token is a JSON web token
    return claims if isinstance(claims, dict) else {}
