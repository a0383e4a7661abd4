"""What a call or a subscription of the client can raise, beside `ApplicationError`.

    ClientError
    ├── FunctionError          the function failed, or there is none of that name
    ├── ConnectionLostError    an action was under way when the connection broke
    ├── ClientClosedError      the client is not open (any more)
    ├── AuthenticationError    the server does not take the admin key
    ├── FatalServerError       the server refuses to speak with this client
    └── ProtocolError          a message broke the protocol; only the client itself sees it

Mistakes in a call itself, such as an argument that is no value, are `reactive.errors.CallError`.
"""

import re
from typing import Final

from reactive.errors import ReactiveError

_REQUEST_ID: Final = re.compile(r"\[Request ID: ([^\]]*)\] ?")


class ClientError(ReactiveError):
    """The root of the client's own errors."""

    default_code = "ClientError"


class FunctionError(ClientError):
    """A function failed, and not with an `ApplicationError`.

    `message` is what the server told, `function` its path, and `request_id` finds the failure in
    the server's log; it is None where the server named none.
    """

    default_code = "FunctionError"

    def __init__(self, function: str, message: str, request_id: str | None) -> None:
        super().__init__(message)
        self.function = function
        self.request_id = request_id

    def __str__(self) -> str:
        text = f"{self.function}: {self.message}"
        return text if self.request_id is None else f"{text} (request id {self.request_id})"


class ConnectionLostError(ClientError):
    """The connection broke while an action was under way: whether it ran to its end is unknown."""

    default_code = "ConnectionLost"


class ClientClosedError(ClientError):
    """The client was closed before the call was answered, or is not open yet."""

    default_code = "ClientClosed"


class AuthenticationError(ClientError):
    """The server refused the admin key. The client has ended."""

    default_code = "Unauthenticated"


class FatalServerError(ClientError):
    """The server said that it makes no sense to come back. The client has ended."""

    default_code = "FatalError"


class ProtocolError(ClientError):
    """The server sent what it must not send; the connection is made anew.

    `code` is the reason that the server is told when the client comes back.
    """

    default_code = "ProtocolFailure"


def split_request_id(text: str) -> tuple[str, str | None]:
    """A failure's message, and the request id that the server wrote before it, if any."""
    match = _REQUEST_ID.match(text)
    if match is None:
        return text.strip(), None
    return text[match.end() :].strip(), match[1]
