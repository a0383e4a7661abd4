"""What answers that are sent piece by piece have in common."""

from typing import Final

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

BROKEN: Final = (ConnectionError, ClientPayloadError, HttpProcessingError)
"""What reading or writing raises once the client has gone, or makes no sense."""

_STARTED: Final = web.RequestKey("started", bool)


def note_started(request: web.Request) -> None:
    """The headers of an answer are on their way; there can be no other answer."""
    request[_STARTED] = True
    if request.method == "HEAD":
        # Whatever body is written, none is sent.
        request.writer.length = 0


def has_started(request: web.Request) -> bool:
    return _STARTED in request


def is_gone(request: web.Request) -> bool:
    """Whether the client has closed the connection."""
    return request.transport is None or request.transport.is_closing()


def break_off(request: web.Request) -> None:
    """Ends an answer so that its reader knows that it is not whole."""
    if request.transport is not None:
        request.transport.abort()
