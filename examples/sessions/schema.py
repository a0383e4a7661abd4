"""A poll: what one can choose, and which browser has chosen what."""

from typing import Annotated

from pydantic import Field

from reactive import Document, Id, index

SessionId = Annotated[str, Field(min_length=16, max_length=64)]
Label = Annotated[str, Field(min_length=1, max_length=60)]


class Choice(Document, table="choices"):
    """`votes` is counted along, so that the result reads no vote."""

    label: Label
    votes: int = 0

    by_label = index("label")


class Vote(Document, table="votes"):
    """The session is as good as a password: whoever knows it may vote for that browser."""

    session: SessionId
    choice: Id[Choice]

    by_session = index("session")
