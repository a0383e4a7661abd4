"""The tables of the chat app."""

from typing import Literal

from reactive import UNSET, Document, Id, Unset, index


class Thread(Document, table="threads"):
    """A conversation. `external_id` is the name that another system knows it by, if one does."""

    title: str | Unset = UNSET
    kind: str | Unset = UNSET
    external_id: str | Unset = UNSET

    by_external_id = index("external_id")


class Message(Document, table="messages"):
    """One message of a thread. `order` counts from 0 within the thread, without gaps."""

    thread_id: Id[Thread]
    order: int
    role: Literal["user", "assistant", "system"]
    status: Literal["pending", "streaming", "complete", "stopped", "error"]
    content: str
    author: str | Unset = UNSET
    client_message_id: str | Unset = UNSET
    last_updated: float

    by_thread = index("thread_id", "order")
    by_client_message_id = index("thread_id", "client_message_id")


class Presence(Document, table="presence"):
    """An open window as others see it: who looks at which thread."""

    client_id: str
    name: str
    thread_id: Id[Thread] | Unset = UNSET

    by_client = index("client_id")


class Heartbeat(Document, table="heartbeats"):
    """When a window was last heard of.

    Apart from `Presence`, because it is written every few seconds: a live query that reads only
    `Presence` runs again when somebody comes, goes or moves, not when somebody merely stays.
    """

    client_id: str
    last_seen: float

    by_client = index("client_id")
    by_last_seen = index("last_seen")
