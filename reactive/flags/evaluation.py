"""Which variant of a flag a user gets, and why: no database, no clock, no dice.

    kill switch  >  override of the user  >  percentage  >  default

The same user is always in the same bucket of a flag, and a percentage takes the buckets from 0 up:
one that is widened lets users in and puts nobody out.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

BUCKETS: Final = 10_000
"""A bucket is a hundredth of a percent of the users."""

KEY: Final = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
"""What flags and variants may be called."""

FlagValue = bool | int | float | str | Sequence["FlagValue"] | Mapping[str, "FlagValue"]

Reason = Literal["DISABLED", "TARGETING_MATCH", "SPLIT", "DEFAULT", "ERROR"]
"""OpenFeature's words for: the kill switch, an override, a percentage, the default, no usable flag.

Source: OpenFeature specification, "Resolution Reason".
"""


class BrokenFlagError(ValueError):
    """The flag cannot be evaluated; the message says why."""


@dataclass(frozen=True)
class FlagSpec:
    """A flag that an app knows: its variants, and what each of them means.

    `default` is what users get who are in no percentage, until a setting or a call says otherwise;
    `off` is what everybody gets while the flag is killed, missing or broken. `variants` are names,
    whose values are the names themselves, or names with values of one type.

    Raises:
        ValueError: from the constructor, naming what cannot be.
    """

    key: str
    variants: Mapping[str, FlagValue] | Sequence[str]
    default: str
    off: str

    def __post_init__(self) -> None:
        for name in (self.key, *self.variants):
            if not KEY.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a flag or a variant")
        for name in (self.default, self.off):
            if name not in self.variants:
                raise ValueError(f"flag {self.key}: there is no variant {name!r}")
        if len({type(value) for value in self.values.values()}) > 1:
            raise ValueError(f"flag {self.key}: the values of its variants have several types")

    @property
    def values(self) -> Mapping[str, FlagValue]:
        """The value of each variant."""
        if isinstance(self.variants, Mapping):
            return self.variants
        return {name: name for name in self.variants}


@dataclass(frozen=True, slots=True)
class Rule:
    """A flag as it stands. `threshold` counts buckets; None gives everybody the variant."""

    key: str
    variant: str
    threshold: int | None
    default: str
    off: str
    salt: str
    is_enabled: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a user gets of a flag. `revision` counts the flag's changes, 0 when there is none."""

    key: str
    variant: str
    reason: Reason
    revision: int = 0
    bucket: int | None = None
    """Where the user is among 10,000; None for somebody without a name, and for an error."""


def bucket_of(salt: str, user: str) -> int:
    """The user's place among 10,000, another one for each salt."""
    digest = hashlib.sha256(f"{salt}\0{user}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def threshold_of(percentage: float) -> int:
    """How many buckets a percentage is.

    Raises:
        ValueError: when it is not 0 to 100, or finer than a bucket.
    """
    if not (math.isfinite(percentage) and 0 <= percentage <= 100):
        raise ValueError(f"must be 0 to 100, not {percentage!r}")
    exact = percentage * (BUCKETS / 100)
    if abs(exact - round(exact)) > 1e-6:
        raise ValueError(f"{percentage!r} has more than two decimals")
    return round(exact)


def names_of(user: str) -> tuple[str, ...]:
    """What overrides may call a user, the strongest first: `issuer|subject`, then the subject."""
    _, bar, subject = user.partition("|")
    return (user, subject) if bar else (user,)


def evaluate(rule: Rule, user: str | None, overrides: Mapping[str, str]) -> Decision:
    """The user's decision; `overrides` has variants by the names of users.

    Somebody without a name is inside of a percentage only where everybody is.
    """
    bucket = None if user is None else bucket_of(rule.salt, user)

    def decided(variant: str, reason: Reason) -> Decision:
        return Decision(rule.key, variant, reason, rule.revision, bucket)

    if not rule.is_enabled:
        return decided(rule.off, "DISABLED")
    for name in names_of(user) if user is not None else ():
        if name in overrides:
            return decided(overrides[name], "TARGETING_MATCH")
    if rule.threshold is None:
        return decided(rule.variant, "DEFAULT")
    if (BUCKETS - 1 if bucket is None else bucket) < rule.threshold:
        return decided(rule.variant, "SPLIT")
    return decided(rule.default, "DEFAULT")
