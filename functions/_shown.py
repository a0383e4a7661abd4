"""Which messages a conversation shows: all but the failed answers that somebody has dismissed."""

from reactive import Unset
from schema import Message


def is_shown(message: Message) -> bool:
    """Whether nobody has dismissed a message.

    Whatever lists or tells a thread asks this. Who names a message, its stream or its parts by an
    id gets them all the same: a dismissed answer keeps its rows.
    """
    return isinstance(message.dismissed_at, Unset)
