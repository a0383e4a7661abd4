"""Messages, messages to come, and a clock that a cron winds."""

from reactive import UNSET, Document, Id, Unset, index

# A system table has no class of the app's, so type checkers do not know its name.
JobId = Id["_scheduled_functions"]  # type: ignore[name-defined]


class Message(Document, table="messages"):
    """`destructs_at` is when it deletes itself, in milliseconds since the epoch."""

    body: str
    destructs_at: float | Unset = UNSET


class Planned(Document, table="planned"):
    """A message that waits for its time. `job` is the scheduled call that will send it."""

    body: str
    send_at: float
    lifetime_s: float | Unset = UNSET
    job: JobId | Unset = UNSET

    by_send_at = index("send_at")


class Clock(Document, table="clock"):
    """How often the cron has run, and when it last did. There is one of it."""

    strikes: int
    struck_at: float
