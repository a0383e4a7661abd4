"""The asyncio client: live queries, mutations and actions of a reactive server, from Python.

async with ReactiveClient("http://127.0.0.1:3210") as client:
    await client.mutation("messages:send", channel="general", author="Ada", body="Hello!")
    async for messages in client.subscribe("messages:list", channel="general"):
        print(messages)
"""

from reactive.client.auth import TokenFetcher, TokenSource
from reactive.client.client import ReactiveClient
from reactive.client.errors import (
    AuthenticationError,
    ClientClosedError,
    ClientError,
    ConnectionLostError,
    FatalServerError,
    FunctionError,
)
from reactive.client.optimistic import OptimisticStore, OptimisticUpdate
from reactive.client.subscription import Subscription
from reactive.errors import ApplicationError
from reactive.values.encoding import Int64

__all__ = [
    "ApplicationError",
    "AuthenticationError",
    "ClientClosedError",
    "ClientError",
    "ConnectionLostError",
    "FatalServerError",
    "FunctionError",
    "Int64",
    "OptimisticStore",
    "OptimisticUpdate",
    "ReactiveClient",
    "Subscription",
    "TokenFetcher",
    "TokenSource",
]
