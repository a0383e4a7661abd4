"""Live queries, mutations and actions as typed Python functions, for Convex's own clients.

These are the names that an author imports; see README.md for what they mean together.
"""

from typing import TYPE_CHECKING, Any

from reactive.backend import Identity
from reactive.errors import ApplicationError
from reactive.runtime.context import ActionCtx, MutationCtx, QueryCtx
from reactive.runtime.crons import Crons
from reactive.runtime.decorators import (
    action,
    internal_action,
    internal_mutation,
    internal_query,
    mutation,
    query,
)
from reactive.runtime.document import Document, index, search_index, vector_index
from reactive.runtime.http import HttpRouter, cors
from reactive.runtime.pagination import PaginationOptions, PaginationResult
from reactive.runtime.sockets import Room, Socket, SocketRouter
from reactive.runtime.types import UNSET, Id, Unset
from reactive.runtime.vectors import VectorHit
from reactive.values.encoding import Int64

if TYPE_CHECKING:
    from reactive.app import create_app

__all__ = [
    "UNSET",
    "ActionCtx",
    "ApplicationError",
    "Crons",
    "Document",
    "HttpRouter",
    "Id",
    "Identity",
    "Int64",
    "MutationCtx",
    "PaginationOptions",
    "PaginationResult",
    "QueryCtx",
    "Room",
    "Socket",
    "SocketRouter",
    "Unset",
    "VectorHit",
    "action",
    "cors",
    "create_app",
    "index",
    "internal_action",
    "internal_mutation",
    "internal_query",
    "mutation",
    "query",
    "search_index",
    "vector_index",
]


def __getattr__(name: str) -> Any:
    # The server is loaded by whoever serves; a module of functions need not wait for it.
    if name == "create_app":
        from reactive.app import create_app

        return create_app
    raise AttributeError(f"module 'reactive' has no attribute {name!r}")
