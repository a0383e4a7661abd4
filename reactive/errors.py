"""Every exception of the engine, by whose mistake it is.

    ReactiveError
    ├── ApplicationError      raised by an author on purpose; its data reaches the client
    ├── CallError             the caller's mistake: unknown function, bad argument, bad message
    │   └── LimitError        one of `limits` was exceeded
    ├── UsageError            the author's mistake: bad index range, missing document, foreign await
    ├── ProjectError          the project cannot be served: schema, module or setting
    ├── RetryableError        nobody's mistake; trying again may succeed
    │   ├── ConflictError     what the transaction read has changed
    │   ├── OverloadedError   a queue is full
    │   └── OutOfRetentionError   a snapshot older than the log keeps
    ├── StorageError          the store refused a write and nothing was written
    └── UncertainCommitError  nobody knows whether a write is durable; the process must stop

`code` is the short name that clients and tests can rely on, `http_status` the answer over HTTP, and
`is_public` tells whether the message may reach a client of a server that redacts errors.
"""

from typing import ClassVar


class ReactiveError(Exception):
    """The root of all errors that the engine raises itself."""

    default_code: ClassVar[str] = "InternalServerError"
    http_status: ClassVar[int] = 500
    is_public: ClassVar[bool] = False
    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class ApplicationError(ReactiveError):
    """An error that the author of a function means for the client.

    `data` is any value that a function could return. A Convex client sees a `ConvexError` whose
    `data` it is, whether or not the server redacts other errors.
    """

    default_code = "ApplicationError"
    http_status = 400

    def __init__(self, data: object) -> None:
        super().__init__(data if isinstance(data, str) else repr(data))
        self.data = data


class CallError(ReactiveError):
    """The caller asked for something that cannot be done as asked."""

    default_code = "BadRequest"
    http_status = 400
    is_public = True


class LimitError(CallError):
    """A documented limit was exceeded; the message names the limit and the size."""

    default_code = "LimitExceeded"


class UsageError(ReactiveError):
    """The author of a function used the API in a way that it does not allow."""

    default_code = "UsageError"
    http_status = 400

    def __str__(self) -> str:
        return self.message if self.code == "UsageError" else f"{self.code}: {self.message}"


class ProjectError(ReactiveError):
    """The project cannot be served as it is; the message names the culprit."""

    default_code = "ProjectError"


class RetryableError(ReactiveError):
    """Trying again may succeed."""

    http_status = 503
    is_retryable = True


class ConflictError(RetryableError):
    """Another commit changed what this transaction had read."""

    default_code = "OptimisticConcurrencyControlFailure"


class OverloadedError(RetryableError):
    """A queue is full."""

    default_code = "TooManyConcurrentRequests"


class OutOfRetentionError(RetryableError):
    """The snapshot is older than anything that is still kept."""

    default_code = "OutOfRetention"


class StorageError(ReactiveError):
    """The store refused; nothing of the refused transaction was written."""

    default_code = "StorageError"
    http_status = 503
    is_public = True


class UncertainCommitError(ReactiveError):
    """A commit may or may not be durable. Only a restart, which reads the truth, can tell."""

    default_code = "UncertainCommit"
