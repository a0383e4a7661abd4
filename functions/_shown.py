"""Which messages a conversation shows: all but the failed answers that somebody has dismissed."""

import json

from reactive import Unset
from reactive.runtime.query import Query
from schema import Message

BYTES_MAX = 4_000_000


def is_shown(message: Message) -> bool:
    """Whether nobody has dismissed a message.

    Whatever lists or tells a thread asks this. Who names a message, its stream or its parts by an
    id gets them all the same: a dismissed answer keeps its rows.
    """
    return isinstance(message.dismissed_at, Unset)


async def newest_of(
    messages: Query[Message], count: int, bytes_max: int = BYTES_MAX
) -> list[Message]:
    """The newest of a thread's messages, oldest first: at most so many, and so many bytes as JSON.

    One is given however long it is. What a function may read in all is bounded, and a long
    conversation must not be one that nobody can read or go on with any more.
    """
    found: list[Message] = []
    size = 0
    async for message in messages.order("desc"):
        size += len(json.dumps(message.content))
        if found and size > bytes_max:
            break
        found.append(message)
        if len(found) == count:
            break
    return found[::-1]
