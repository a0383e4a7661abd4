"""Notes with small vectors, and the mistakes that one can make with them."""

from typing import Any

from pydantic import BaseModel, Field

from reactive import UNSET, Document, Unset, vector_index


class Source(BaseModel):
    lang: str
    embedding: list[float] | Unset = UNSET


class Note(Document, table="notes"):
    key: str
    embedding: Any = None
    topic: str | Unset | None = UNSET
    stars: int = 0
    source: Source | Unset = UNSET

    by_embedding = vector_index("embedding", dimensions=3, filter_fields=["topic", "stars"])
    by_source = vector_index("source.embedding", dimensions=2, filter_fields=["source.lang"])


class Plain(Document, table="plain"):
    vector: list[float] = Field(default_factory=list)
