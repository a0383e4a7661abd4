"""Pages of a query: options, results, and the cursors between them.

A cursor is a position in an index, after a key or at the end, with a fingerprint of the query it
belongs to, signed with the store's secret. Source of the shapes: Convex's `usePaginatedQuery`.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from reactive.errors import ApplicationError, UsageError
from reactive.limits import DEFAULT_LIMITS

T = TypeVar("T")
PageStatus = Literal["SplitRecommended", "SplitRequired"]

_MAC_BYTES = 16
_FINGERPRINT_BYTES = 8


class PaginationOptions(BaseModel):
    """What a client asks for; the wire names are Convex's whatever the `case` setting."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, extra="forbid")

    num_items: int = Field(validation_alias="numItems", serialization_alias="numItems")
    cursor: str | None = None
    end_cursor: str | None = Field(
        default=None, validation_alias="endCursor", serialization_alias="endCursor"
    )
    maximum_rows_read: int | None = Field(
        default=None, validation_alias="maximumRowsRead", serialization_alias="maximumRowsRead"
    )
    maximum_bytes_read: int | None = Field(
        default=None, validation_alias="maximumBytesRead", serialization_alias="maximumBytesRead"
    )
    id: Any = None
    """Chosen by the client to keep separate uses apart."""

    def check(self) -> None:
        """Refuses sizes that no page can have.

        Raises:
            UsageError: naming the option.
        """
        if self.num_items < 1:
            raise UsageError("numItems must be at least 1", code="NoDocumentsForPagination")
        if self.num_items > DEFAULT_LIMITS.page_items_max:
            raise UsageError(
                f"numItems is {self.num_items} (limit: {DEFAULT_LIMITS.page_items_max})",
                code="PageSizeTooLarge",
            )
        for name, value in (
            ("maximumRowsRead", self.maximum_rows_read),
            ("maximumBytesRead", self.maximum_bytes_read),
        ):
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1", code="InvalidPaginationLimit")


class PaginationResult(BaseModel, Generic[T]):
    """One page. `page` may be replaced by what was made of its documents."""

    model_config = ConfigDict(
        validate_by_name=True, validate_by_alias=True, arbitrary_types_allowed=True
    )

    page: list[T]
    is_done: bool = Field(validation_alias="isDone", serialization_alias="isDone")
    continue_cursor: str = Field(
        validation_alias="continueCursor", serialization_alias="continueCursor"
    )
    split_cursor: str | None = Field(
        default=None, validation_alias="splitCursor", serialization_alias="splitCursor"
    )
    page_status: PageStatus | None = Field(
        default=None, validation_alias="pageStatus", serialization_alias="pageStatus"
    )


class InvalidCursorError(ApplicationError):
    """The cursor belongs to another query, or is none. React's hook starts again at page one."""

    default_code = "InvalidCursor"

    def __init__(self, reason: str) -> None:
        super().__init__({"isConvexSystemError": True, "paginationError": "InvalidCursor"})
        self.message = f"InvalidCursor: {reason}"

    def __str__(self) -> str:
        return self.message


class Position(NamedTuple):
    """After the key, or, without one, at the end of the range."""

    key: bytes | None


class CursorCodec:
    """Makes and reads the cursors of one query."""

    def __init__(self, secret: bytes, *query: object) -> None:
        self._secret = secret
        digest = hashlib.blake2b(repr(query).encode(), digest_size=_FINGERPRINT_BYTES)
        self._fingerprint = digest.digest()

    def encode(self, position: Position) -> str:
        """The cursor for a position."""
        key = b"E" if position.key is None else b"K" + position.key
        payload = self._fingerprint + key
        return base64.urlsafe_b64encode(self._mac(payload) + payload).decode()

    def decode(self, cursor: str) -> Position:
        """The position of a cursor.

        Raises:
            InvalidCursorError: when it is not one of this query.
        """
        try:
            raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidCursorError("the cursor is malformed") from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload)):
            raise InvalidCursorError("the cursor was not made by this server")
        if payload[:_FINGERPRINT_BYTES] != self._fingerprint:
            raise InvalidCursorError("the cursor belongs to another query")
        kind, key = payload[_FINGERPRINT_BYTES:][:1], payload[_FINGERPRINT_BYTES + 1 :]
        return Position(None if kind == b"E" else key)

    def _mac(self, payload: bytes) -> bytes:
        return hashlib.blake2b(payload, key=self._secret, digest_size=_MAC_BYTES).digest()
