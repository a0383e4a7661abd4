"""The names under which an author finds what a token said."""

from typing import Any

import pytest

from reactive.backend import Identity
from reactive.errors import CallError

SAID = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "nickname": "Countess",
    "preferred_username": "ada",
    "profile": "https://p",
    "picture": "https://i",
    "website": "https://w",
    "email": "ada@example.org",
    "email_verified": True,
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+44",
    "phone_number_verified": False,
    "address": {"formatted": "12 St James's Square", "country": "UK"},
    "updated_at": 0,
    "role": "admin",
}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("name", "Ada Lovelace"),
        ("given_name", "Ada"),
        ("family_name", "Lovelace"),
        ("nickname", "Countess"),
        ("preferred_username", "ada"),
        ("profile_url", "https://p"),
        ("picture_url", "https://i"),
        ("website_url", "https://w"),
        ("email", "ada@example.org"),
        ("email_verified", True),
        ("gender", "female"),
        ("birthday", "1815-12-10"),
        ("timezone", "Europe/London"),
        ("language", "en-GB"),
        ("phone_number", "+44"),
        ("phone_number_verified", False),
        ("address", "12 St James's Square"),
        ("updated_at", "1970-01-01T00:00:00+00:00"),
        ("role", "admin"),
        ("nothing", None),
    ],
)
def test_attribute(attribute: str, value: Any) -> None:
    assert value == getattr(Identity("i|s", "s", "i", SAID), attribute)


@pytest.mark.parametrize("updated_at", [1e300, -1, "yesterday", None])
def test_time_that_is_none_is_passed_on(updated_at: Any) -> None:
    assert updated_at == Identity("i|s", "s", "i", {"updated_at": updated_at}).updated_at


def test_names_of_the_language_are_no_claims() -> None:
    identity = Identity("i|s", "s", "i", {"_repr_html_": "x", "__len__": 1})

    for name in ("_repr_html_", "__len__"):
        assert not hasattr(identity, name)


def test_identities_can_be_kept_in_a_set() -> None:
    assert 1 == len({Identity("i|s", "s", "i", {"a": 1}), Identity("i|s", "s", "i", {"a": 1})})


def test_administrator_gives_the_names_of_convex() -> None:
    identity = Identity.impersonated(
        {"tokenIdentifier": "i|s", "pictureUrl": "u", "emailVerified": True, "name": "Fake"}
    )

    assert ("i|s", "s", "i") == (identity.token_identifier, identity.subject, identity.issuer)
    assert ("u", True, "Fake") == (identity.picture_url, identity.email_verified, identity.name)


@pytest.mark.parametrize(
    "attributes",
    [{}, {"issuer": "i"}, {"subject": "s"}, {"tokenIdentifier": 5}, {"issuer": 1, "subject": 2}],
)
def test_administrator_must_say_who(attributes: dict[str, Any]) -> None:
    with pytest.raises(CallError) as caught:
        Identity.impersonated(attributes)

    assert "BadImpersonation" == caught.value.code
