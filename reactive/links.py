"""The seam between a project's sockets and what carries them."""

from typing import Any, Protocol

from reactive.backend import Caller, Failure


class SocketLink(Protocol):
    """One client's connection, as the wire has it."""

    @property
    def id(self) -> str: ...

    @property
    def caller(self) -> Caller:
        """Who has connected."""
        ...

    @property
    def handshake(self) -> Any:
        """What the client has given with its handshake; None for nothing."""
        ...

    @property
    def is_open(self) -> bool: ...

    async def send(self, event: str, payload: Any) -> bool:
        """Sends an event, in order; False when the client is too far behind, or gone."""
        ...

    async def drained(self) -> None:
        """Returns when the client has taken enough for more to be sent; never once it is gone."""
        ...

    def close(self) -> None:
        """Ends the connection, soon; the client may come again."""
        ...


class SocketEvents(Protocol):
    """What the project that is being served does with its clients' events."""

    @property
    def is_empty(self) -> bool:
        """Whether the project has no sockets at all."""
        ...

    async def opened(self, link: SocketLink) -> None:
        """A client has connected. Whatever the author's code raises refuses it."""
        ...

    async def heard(self, link: SocketLink, event: str, payload: Any) -> Any:
        """A client has sent an event; gives its acknowledgement, or raises what the code raises."""
        ...

    async def closed(self, link: SocketLink, reason: str) -> None:
        """A client has gone. Its tasks are over when this returns."""
        ...

    def failure(self, event: str, error: BaseException) -> Failure:
        """What the client may see of an exception; all of it goes to the log."""
        ...
