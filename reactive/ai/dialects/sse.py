"""The log as it is, and the text alone."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from reactive.ai.dialects.base import COMMENT, SSE_HEADERS, frame
from reactive.ai.events import Event


class Sse:
    """A frame for each stored event; its id is what `Last-Event-ID` gives back."""

    path: ClassVar[str] = "sse"
    headers: ClassVar[Mapping[str, str]] = SSE_HEADERS
    keep_alive: ClassVar[bytes] = COMMENT
    is_cut = False

    def begin(self) -> bytes:
        """See `Dialect`."""
        return b""

    def page(self, events: Sequence[Event]) -> bytes:
        """See `Dialect`."""
        return b"".join(frame(event, event=event["type"], id=str(event["seq"])) for event in events)

    def end(self) -> bytes:
        """See `Dialect`."""
        return b""


class PlainText:
    """The visible text and nothing else. An answer that fails breaks the response off."""

    path: ClassVar[str] = "text"
    headers: ClassVar[Mapping[str, str]] = {
        **SSE_HEADERS,
        "Content-Type": "text/plain; charset=utf-8",
        # Without it browsers hold back the first kilobyte to guess what it is.
        "X-Content-Type-Options": "nosniff",
    }
    keep_alive: ClassVar[bytes] = b""

    def __init__(self) -> None:
        self.is_cut = True

    def begin(self) -> bytes:
        """See `Dialect`."""
        return b""

    def page(self, events: Sequence[Event]) -> bytes:
        """See `Dialect`."""
        if events and events[-1]["type"] in ("stream-finish", "stream-stopped"):
            self.is_cut = False
        return "".join(event["delta"] for event in events if event["type"] == "text-delta").encode()

    def end(self) -> bytes:
        """See `Dialect`."""
        return b""
