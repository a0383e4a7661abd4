"""What an app's tables of flags consist of: an app derives its tables from these classes.

class Flag(FlagRow, table="flags"): ...
class FlagOverride(OverrideRow, table="flagOverrides"): ...
class FlagDecision(DecisionRow, table="flagDecisions"): ...
"""

from collections.abc import Sequence

from reactive.flags.evaluation import BrokenFlagError, FlagSpec, Rule, threshold_of
from reactive.runtime.document import Document, index
from reactive.runtime.types import UNSET, Unset


class FlagRow(Document):
    """A flag as it stands. `revision` counts its changes; times are milliseconds since the epoch.

    Without `variant` everybody has the default; without `percentage` everybody has `variant`.
    """

    key: str
    enabled: bool = True
    variant: str | Unset = UNSET
    percentage: float | Unset = UNSET
    default: str | Unset = UNSET
    salt: str
    revision: int = 1
    updated_at: float

    by_key = index("key")


class OverrideRow(Document):
    """What one user gets, whatever the percentage. `user_id` is a subject or `issuer|subject`."""

    key: str
    user_id: str
    variant: str

    by_user = index("key", "user_id")


class DecisionRow(Document):
    """What a user got at a revision of a flag, and why; `bucket` is the user's among 10,000."""

    key: str
    user_id: str
    revision: int
    variant: str
    reason: str
    bucket: int | Unset = UNSET
    decided_at: float

    by_user = index("key", "user_id", "revision")
    by_time = index("key", "decided_at")


def rule_of(rows: Sequence[FlagRow], spec: FlagSpec | None, off: str) -> Rule:
    """The rule that the rows of one key are; `off` is for flags that no spec describes.

    Raises:
        BrokenFlagError: when there is not exactly one, or it makes no sense.
    """
    if len(rows) != 1:
        raise BrokenFlagError("there is no such flag" if not rows else "there are two of its key")
    (row,) = rows
    default = row.default
    if isinstance(default, Unset):
        default = off if spec is None else spec.default
    variant = default if isinstance(row.variant, Unset) else row.variant
    for name in (variant, default):
        check_variant(name, spec)
    try:
        threshold = None if isinstance(row.percentage, Unset) else threshold_of(row.percentage)
    except ValueError as error:
        raise BrokenFlagError(f"its percentage {error}") from error
    return Rule(
        key=row.key,
        variant=variant,
        threshold=threshold,
        default=default,
        off=off if spec is None else spec.off,
        salt=row.salt,
        is_enabled=row.enabled,
        revision=row.revision,
    )


def check_variant(name: str, spec: FlagSpec | None) -> None:
    """Refuses a variant that a flag does not have.

    Raises:
        BrokenFlagError: naming those that it has.
    """
    if spec is not None and name not in spec.variants:
        known = ", ".join(spec.variants)
        raise BrokenFlagError(f"{name[:80]!r} is no variant of {spec.key}, only {known}")
