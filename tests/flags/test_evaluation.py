"""Who gets what: the same user always the same, more of a percentage never less."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.flags.evaluation import (
    BUCKETS,
    FlagSpec,
    Rule,
    bucket_of,
    evaluate,
    names_of,
    threshold_of,
)

RULE = Rule(
    key="realtime",
    variant="mirror",
    threshold=None,
    default="reactive",
    off="legacy",
    salt="salt",
    is_enabled=True,
    revision=7,
)
USERS = [f"https://issuer.example|user{n}" for n in range(2_000)]

percentages = st.integers(0, BUCKETS).map(lambda hundredths: hundredths / 100)


def inside(percentage: float, users: list[str], salt: str = "salt") -> set[str]:
    rule = replace(RULE, threshold=threshold_of(percentage), salt=salt)
    return {user for user in users if evaluate(rule, user, {}).variant == "mirror"}


@given(percentages, percentages, st.lists(st.text(min_size=1), max_size=50), st.text())
def test_widening_only_adds(one: float, other: float, users: list[str], salt: str) -> None:
    narrow, wide = sorted((one, other))

    assert inside(narrow, users, salt) <= inside(wide, users, salt)


@given(st.text(), st.text())
def test_bucket_is_one_of_ten_thousand_and_stays(salt: str, user: str) -> None:
    assert 0 <= bucket_of(salt, user) < BUCKETS
    assert bucket_of(salt, user) == bucket_of(salt, user)


def test_bucket_is_what_it_always_was() -> None:
    """Users would change sides with a release that counts otherwise."""
    # printf 'realtime\0local' | sha256sum, the first 16 digits modulo 10,000.
    known = {
        ("realtime", "local"): 9_532,
        ("realtime", USERS[0]): 8_044,
        ("steps", USERS[0]): 2_326,
    }

    assert known == {pair: bucket_of(*pair) for pair in known}


@pytest.mark.parametrize("percentage", [0, 1, 10, 50, 99, 100])
def test_share_is_about_the_percentage(percentage: float) -> None:
    expected = len(USERS) * percentage / 100

    # Five standard deviations of a binomial distribution, 22 users at the most of it.
    spread = 5 * (expected * (1 - percentage / 100)) ** 0.5
    assert abs(len(inside(percentage, USERS)) - expected) <= spread


def test_two_flags_do_not_share_their_first_users() -> None:
    one, other = inside(10, USERS, "one"), inside(10, USERS, "other")

    # A tenth of a tenth: 20 of 2,000.
    assert len(one & other) < 60


def test_half_a_percent_is_fifty_buckets() -> None:
    assert [0, 1, 50, 7, 10_000] == [*map(threshold_of, (0, 0.01, 0.5, 0.07, 100))]


@pytest.mark.parametrize("wrong", [-0.01, 100.01, float("nan"), float("inf"), 0.001, 33.333])
def test_percentage_that_is_none(wrong: float) -> None:
    with pytest.raises(ValueError):
        threshold_of(wrong)


@given(
    st.booleans(),
    st.none() | st.integers(0, BUCKETS),
    st.none() | st.sampled_from(["a", "i|a"]),
    st.dictionaries(st.sampled_from(["a", "i|a", "b"]), st.sampled_from(["x", "y"])),
)
def test_order_of_what_counts(
    is_enabled: bool, threshold: int | None, user: str | None, overrides: dict[str, str]
) -> None:
    rule = replace(RULE, is_enabled=is_enabled, threshold=threshold)
    found = evaluate(rule, user, overrides)

    own = [name for name in names_of(user or "") if name in overrides]
    if not is_enabled:
        expected = ("legacy", "DISABLED")
    elif own:
        expected = (overrides[own[0]], "TARGETING_MATCH")
    elif threshold is None:
        expected = ("mirror", "DEFAULT")
    elif (BUCKETS - 1 if user is None else bucket_of("salt", user)) < threshold:
        expected = ("mirror", "SPLIT")
    else:
        expected = ("reactive", "DEFAULT")
    assert expected == (found.variant, found.reason)
    assert (7, "realtime") == (found.revision, found.key)
    assert found.bucket == (None if user is None else bucket_of("salt", user))


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ("local", ("local",)),
        ("https://a.example|ada", ("https://a.example|ada", "ada")),
        ("https://a.example|auth0|ada", ("https://a.example|auth0|ada", "auth0|ada")),
    ],
)
def test_names_of_a_user(user: str, names: tuple[str, ...]) -> None:
    assert names == names_of(user)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "no key"}, "no name"),
        ({"variants": ["on", ""]}, "no name"),
        ({"default": "maybe"}, "no variant 'maybe'"),
        ({"off": "maybe"}, "no variant 'maybe'"),
        ({"variants": {"on": True, "off": "no"}}, "several types"),
    ],
)
def test_spec_that_cannot_be(change: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"key": "a", "variants": ["on", "off"], "default": "on"}

    with pytest.raises(ValueError, match=message):
        FlagSpec(**{**given, "off": "off", **change})  # type: ignore[arg-type]


def test_users_spread_over_all_buckets() -> None:
    tenths = Counter(bucket_of("salt", user) // 1_000 for user in USERS)

    assert 10 == len(tenths)
    assert max(tenths.values()) < 2 * min(tenths.values())
