"""What `reactive doctor` finds, one line for each thing that it looks at."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and how it is; `code` is the short name of a problem, else empty."""

    check: str
    status: Literal["ok", "problem", "skipped"]
    message: str
    code: str = ""


def fine(check: str, message: str) -> Finding:
    """Nothing is wrong with it."""
    return Finding(check, "ok", message)


def problem(check: str, code: str, message: str) -> Finding:
    """Something has to be done about it."""
    return Finding(check, "problem", message, code)


def skipped(check: str, message: str) -> Finding:
    """It cannot be looked at, and the message says why."""
    return Finding(check, "skipped", message)
