"""How much a client may be behind in reading."""

from reactive.limits import Limits


class Outbox:
    """Counts what waits to be read by one client. Pure: it is told the size of the socket's buffer.

    A client that has `limits.transitions_waiting_max` Transitions unread is sent no more of them:
    its next one jumps to the newest state. Responses are never held back, but what waits is
    bounded.
    """

    __slots__ = ("_limits", "_waiting")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting = 0

    def sent_transition(self) -> None:
        """One more Transition was given to the socket."""
        self._waiting += 1

    def is_full(self, buffered: int) -> bool:
        """Whether the next Transition has to wait."""
        if buffered == 0:
            self._waiting = 0
        return self._waiting >= self._limits.transitions_waiting_max

    def is_overflowing(self, buffered: int) -> bool:
        """Whether the client is too far behind to be kept."""
        return buffered > self._limits.session_buffer_bytes_max
