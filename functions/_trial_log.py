"""What the server says of each answer while the way of answers is tried out: `trial.start`,
`trial.ok` and `trial.fallback`, each with the names of things and no text of a message.

In development the lines of an action travel to its caller, and a browser's console shows them.
"""

import json
import logging
from typing import Any, Literal

from functions import _trial
from reactive import ActionCtx
from reactive.ai.events import Event

_log = logging.getLogger("chat")


class TrialLog:
    """The lines of one answer."""

    def __init__(self, ctx: ActionCtx, stream_id: str, task: dict[str, Any]) -> None:
        self._clock = ctx.clock
        self._since = ctx.clock.monotonic()
        self._names = {
            "task": task["thread_id"],
            "message": task["message_id"],
            "stream": stream_id,
            "variant": task["variant"],
        }
        self._say(logging.INFO, "trial.start", reason=task["reason"], model=task["model"])

    def ended(self, terminal: Event | None) -> None:
        """The answer is over; only one that came to its own end is `ok`."""
        if terminal is not None and terminal["type"] == "stream-finish":
            seconds = round(self._clock.monotonic() - self._since, 3)
            self._say(logging.INFO, "trial.ok", seconds=seconds)

    def fell_back(self, way: Literal["plain", "rescue", "memory"], error: Exception) -> None:
        """The answer is now made in an easier way."""
        _trial.fell_back.add(self._names["stream"])
        why = getattr(error, "code", None) or type(error).__name__
        self._say(logging.WARNING, "trial.fallback", way=way, why=why)

    def _say(self, level: int, name: str, **more: object) -> None:
        _log.log(level, "%s %s", name, json.dumps({**self._names, **more}))
