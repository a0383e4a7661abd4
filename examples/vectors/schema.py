"""Questions and answers, found by what they resemble."""

from typing import Literal

from reactive import Document, vector_index

Topic = Literal["kitchen", "garden", "bicycle"]
DIMENSIONS = 256


class Answer(Document, table="answers"):
    topic: Topic
    question: str
    answer: str
    embedding: list[float]

    by_embedding = vector_index("embedding", dimensions=DIMENSIONS, filter_fields=["topic"])
