"""Tables with every kind of field and index."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reactive import UNSET, Document, Id, Int64, Unset, index, search_index, vector_index


class Profile(BaseModel):
    """Who somebody is."""

    country: str
    languages: list[str] = []


class User(Document, table="users"):
    """A person. Ends no comment: */ is only text.

    Second paragraph.
    """

    name: str
    profile: Profile
    best_friend: Id["users"] | None = None

    by_name = index("name")
    by_country = index("profile.country")


class Message(Document, table="messages"):
    author: Id[User]
    body: str
    sender: Annotated[str, Field(alias="from", description="As it was written.")]
    content_type: Annotated[str, Field(alias="content-type")] = "text/plain"
    status: Literal["pending", "streaming", "complete", "stopped", "error"] = "pending"
    edited: float | Unset = UNSET
    size: Int64
    embedding: list[float]
    attachment: bytes | None
    file: Id["_storage"] | Unset = UNSET
    reactions: dict[str, int]
    log: Id["audit"] | Unset = UNSET

    by_author = index("author", "status")
    search_body = search_index("body", filter_fields=["author", "content_type"])
    search_sender = search_index("sender")
    by_embedding = vector_index("embedding", dimensions=2, filter_fields=["author"])


class Note(Document, table="notes"):
    """Has whatever fields somebody gave it."""

    model_config = ConfigDict(extra="allow")
    text: Any
