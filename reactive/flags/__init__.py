"""Feature flags that are rows of an app: live, evaluated through OpenFeature, noted with reasons.

An app's schema has three tables, of `FlagRow`, `OverrideRow` and `DecisionRow`; a `Flags` object
reads and writes them through `ctx.db`. See README.md, "Flags".
"""

from reactive.flags.evaluation import Decision, FlagSpec
from reactive.flags.provider import FlagProvider, client_of
from reactive.flags.rows import DecisionRow, FlagRow, OverrideRow
from reactive.flags.store import Flags

__all__ = [
    "Decision",
    "DecisionRow",
    "FlagProvider",
    "FlagRow",
    "FlagSpec",
    "Flags",
    "OverrideRow",
    "client_of",
]
