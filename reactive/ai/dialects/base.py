"""What every dialect has in common."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import orjson

from reactive.ai.events import Event


class Dialect(Protocol):
    """Tells the events of one stream, in order, to one client.

    A response is `begin()`, `page(events)` for all events of the log from the first one that the
    dialect needs, and `end()`.
    """

    path: ClassVar[str]
    """What metrics call it."""
    headers: ClassVar[Mapping[str, str]]
    """Those of a response."""
    keep_alive: ClassVar[bytes]
    """What may be sent at any time, and means nothing."""
    is_cut: bool
    """Whether the answer is not whole, and only a broken response can say so."""

    def begin(self) -> bytes:
        """What comes before any event."""
        ...

    def page(self, events: Sequence[Event]) -> bytes:
        """What the client is told of these events."""
        ...

    def end(self) -> bytes:
        """What comes after the last event; the log may have no terminal one any more."""
        ...


SSE_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    # nginx holds an answer back until it is whole, unless it is told not to.
    "X-Accel-Buffering": "no",
}

COMMENT = b": keep-alive\n\n"


def frame(data: Any, *, event: str | None = None, id: str | None = None) -> bytes:
    """One event of an SSE response (HTML standard, "Server-sent events")."""
    lines = []
    if id is not None:
        lines.append(b"id: %b\n" % id.encode())
    if event is not None:
        lines.append(b"event: %b\n" % event.encode())
    lines.append(b"data: %b\n\n" % orjson.dumps(data))
    return b"".join(lines)
