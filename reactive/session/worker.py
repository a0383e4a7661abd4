"""Drives the session of one socket: its messages in, responses and Transitions out."""

import asyncio
import secrets
from functools import partial
from typing import Protocol

from reactive.backend import (
    ANYBODY,
    Backend,
    Caller,
    CallOutcome,
    Lane,
    MutationRequest,
    Watch,
    request_name,
)
from reactive.errors import CallError, OverloadedError, RetryableError
from reactive.limits import Limits
from reactive.protocol.codec import (
    encode_action_response,
    encode_auth_error,
    encode_chunks,
    encode_fatal_error,
    encode_mutation_response,
)
from reactive.protocol.messages import (
    AddQuery,
    Authenticate,
    ClientMessage,
    Connect,
    ModifyQuerySet,
    RunAction,
    RunMutation,
)
from reactive.protocol.version import ClientVersion
from reactive.session.rounds import Rounds
from reactive.session.state import SyncSession
from reactive.values.encoding import JsonBytes

TRY_AGAIN = 1013


class Connection(Protocol):
    """The socket, as a session sees it. Nothing here waits."""

    def send(self, text: JsonBytes) -> None: ...

    def hold(self, text: JsonBytes) -> None:
        """Sends the text together with what is sent next, or at the next `flush`."""
        ...

    def flush(self) -> None:
        """Sends what is held, if anything is."""
        ...

    def send_transition(self, text: JsonBytes) -> None:
        """Sends one Transition, or the last chunk of one whose others are held."""
        ...

    def is_slow(self) -> bool:
        """Whether the client should not be sent another Transition yet."""
        ...

    def close(self, code: int | None, reason: str) -> None:
        """Closes with a code, or without one."""
        ...


class SessionWorker:
    """Owns the session's actions; everything else happens in the calls that others make."""

    __slots__ = (
        "_actions",
        "_answered",
        "_backend",
        "_connection",
        "_is_closed",
        "_lane",
        "_limits",
        "_mutations",
        "_patience",
        "_rounds",
        "_session_id",
        "_skew_ms",
        "_state",
        "_version",
    )

    def __init__(
        self,
        backend: Backend,
        connection: Connection,
        rounds: Rounds,
        limits: Limits,
        version: ClientVersion,
    ) -> None:
        self._backend = backend
        self._connection = connection
        self._rounds = rounds
        self._limits = limits
        self._version = version
        self._state = SyncSession(self._start_watch, ANYBODY, limits.session_queries_max)
        self._session_id: str | None = None
        self._skew_ms: int | None = None
        self._lane: Lane | None = None
        self._answered = -1
        self._patience: asyncio.TimerHandle | None = None
        self._mutations: set[int] = set()
        self._actions: set[asyncio.Task[None]] = set()
        self._is_closed = False

    # Messages in

    async def receive(self, message: ClientMessage) -> None:
        """Takes one message; the next one must wait until this returns."""
        if self._is_closed:
            return
        try:
            if isinstance(message, RunMutation):
                if self._lane is None:
                    self._lane = await self._backend.resume(None)
                self._mutate(message, self._lane)
            elif isinstance(message, ModifyQuerySet):
                self._state.modify(message)
                self._rounds.enter(self)
            elif isinstance(message, RunAction):
                self._act(message)
            elif isinstance(message, Authenticate):
                await self._authenticate(message)
            elif isinstance(message, Connect):
                await self._connect(message)
        except OverloadedError as error:
            self._connection.close(TRY_AGAIN, error.code)
        except CallError as error:
            self.fatal(error)

    def fatal(self, error: CallError) -> None:
        """Ends the session because the client broke the protocol."""
        self._connection.send(encode_fatal_error(f"{error.code}: {error.message}"))
        self._connection.close(None, error.code)

    async def _connect(self, message: Connect) -> None:
        if self._session_id is not None:
            raise CallError("a second Connect on one socket", code="DuplicateConnect")
        self._session_id = message.session_id
        if message.client_ms is not None:
            self._skew_ms = message.client_ms - self._rounds.now_ns() // 1_000_000
        self._lane = await self._backend.resume(message.session_id)
        if self._lane.last_ts < message.max_observed_ts:
            # It has seen a later state than its last write, and so the answer to that write.
            self._answered = self._lane.last_receipt
        if not await self._backend.wait_for(message.max_observed_ts):
            # The client has seen what this server has not: it must not be shown an older state.
            self._connection.close(TRY_AGAIN, "ClientAheadOfServer")

    def _owes_answer(self) -> bool:
        """Whether a mutation of the client took effect of which this socket has not told it.

        It was sent on another socket, whose answer may be lost; the client is about to send it
        again. If it saw the write before the answer it would apply its optimistic update on top of
        it, so Transitions wait; not for long, as a client that does know does not send it again.
        """
        lane = self._lane
        if lane is None or lane.last_receipt <= self._answered:
            return False
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._limits.resend_s, self._lose_patience)
        return True

    def _lose_patience(self) -> None:
        self._patience = None
        lane = self._lane
        if lane is None or self._is_closed:
            return
        if not any(request <= lane.last_receipt for request in self._mutations):
            self._answered = lane.last_receipt
        self._rounds.enter(self)

    def _start_watch(self, added: AddQuery, caller: Caller) -> Watch:
        return self._backend.watch(
            added.path, added.args, caller, added.journal, self, added.query_id
        )

    def _mutate(self, message: RunMutation, lane: Lane) -> None:
        caller = self._state.caller
        if caller.expires_ns is not None and self._has_expired():
            return
        if len(self._mutations) >= self._limits.session_mutations_max:
            raise OverloadedError(
                "too many mutations are waiting", code="TooManyConcurrentMutations"
            )
        request_id = message.request_id
        self._mutations.add(request_id)
        self._backend.mutate(
            MutationRequest(
                message.path,
                message.args,
                caller,
                session=self._session_id,
                request=request_id,
                lane=lane,
            ),
            partial(self._mutated, request_id),
        )

    def _mutated(self, request_id: int, outcome: CallOutcome) -> None:
        self._mutations.discard(request_id)
        if self._is_closed:
            return
        self._answered = max(self._answered, request_id)
        self._answer(encode_mutation_response(request_id, outcome))

    def _answer(self, text: JsonBytes) -> None:
        """Sends a response, with the Transition that must follow it if that is soon enough."""
        self._connection.hold(text)
        self._state.answered()
        self._rounds.enter_with_answer(self)

    def _act(self, message: RunAction) -> None:
        if self._has_expired():
            return
        if len(self._actions) >= self._limits.session_actions_max:
            raise OverloadedError(
                "too many actions are running", code="TooManyInflightActionsForSingleClient"
            )
        task = asyncio.get_running_loop().create_task(self._run_action(message, self._state.caller))
        self._actions.add(task)
        task.add_done_callback(self._actions.discard)

    async def _run_action(self, message: RunAction, caller: Caller) -> None:
        request_id = request_name(self._session_id, message.request_id)
        outcome = await self._backend.act(message.path, message.args, caller, request_id)
        if not self._is_closed:
            self._answer(encode_action_response(message.request_id, outcome))

    async def _authenticate(self, message: Authenticate) -> None:
        self._state.check_identity(message)
        try:
            if message.token_type == "Admin":
                caller = self._backend.admin(message.value, message.acting_as)
            elif message.token_type == "User":
                caller = await self._backend.identify(message.value)
            else:
                caller = ANYBODY
        except RetryableError as error:
            self._connection.close(TRY_AGAIN, error.code)
        except CallError as error:
            self._connection.send(
                encode_auth_error(error.message, message.base_version, attempted=True)
            )
            self._connection.close(None, error.code)
        else:
            self._state.identify(caller)
            self._rounds.enter(self)

    def _has_expired(self) -> bool:
        """Whether the client's token is over; then the session is over, too.

        The client gets itself a new token, and sends what was not answered again on a new socket.
        """
        if not self._state.caller.is_expired(self._rounds.now_ns()):
            return False
        self._connection.send(
            encode_auth_error(
                "The token of this identity has expired", self._state.identity, attempted=False
            )
        )
        self._connection.close(None, "TokenExpired")
        self.close()
        return True

    # Transitions out

    def stale(self, query_id: int) -> None:
        """Called by the backend; see `reactive.backend.Watcher`."""
        self._state.stale(query_id)
        self._rounds.enter(self)

    def ready(self) -> None:
        """Called by the backend; see `reactive.backend.Watcher`."""
        self._rounds.enter(self)

    def take_turn(self) -> bool:
        """Called by `Rounds` when it is this session's turn."""
        if self._is_closed or self._owes_answer():
            return True
        if self._connection.is_slow():
            return False
        if self._state.caller.expires_ns is not None and self._has_expired():
            return True
        changes = self._state.advance(self._backend.head)
        if changes is None:
            return True
        # A client that was given a token needs the skew to know when it ends, and nobody else does:
        # their Transitions can be shared.
        is_login = changes.end.identity > changes.start.identity
        text = self._rounds.transition(changes, self._skew_ms if is_login else None)
        if len(text) > self._limits.chunk_bytes and self._version.takes_chunks:
            *chunks, text = encode_chunks(text, self._limits.chunk_bytes, secrets.token_hex(8))
            for chunk in chunks:
                self._connection.hold(chunk)
        self._connection.send_transition(text)
        if self._state.wants_round:
            self._rounds.enter(self)
        return True

    def flush(self) -> None:
        """Called by `Rounds` when a slice ends."""
        self._connection.flush()

    def close(self) -> None:
        """Ends the session. Mutations under way are finished all the same, actions too."""
        self._is_closed = True
        if self._patience is not None:
            self._patience.cancel()
        self._rounds.leave(self)
        self._state.close()
