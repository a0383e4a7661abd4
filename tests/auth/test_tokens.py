"""What is believed of a token, beside a second implementation that judges the same corpus."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet as JoserfcKeySet

from reactive.auth.keyset import KeySet
from reactive.auth.tokens import (
    Trust,
    caller_of,
    check_signature,
    check_token,
    read_token,
    trust_for,
)
from reactive.backend import Caller
from reactive.errors import CallError
from reactive.limits import DEFAULT_LIMITS
from tests.auth import forge

NOW = 1_800_000_000
ISSUER = "https://issuer.example"
RSA, EC, ED = forge.rsa_key(), forge.ec_key(), forge.ed_key()
ATTACKER = forge.rsa_key("attacker")
WEAK = forge.rsa_key("weak", 1024)
KEYS = (RSA, EC, ED, WEAK)

OIDC = Trust(ISSUER, "app", ("RS256", "ES256", "EdDSA"), True)
CUSTOM = replace(OIDC, is_oidc=False)


def said(**more: Any) -> dict[str, Any]:
    """Claims of a good token at `NOW`."""
    return forge.claims(ISSUER, **{"iat": NOW, "exp": NOW + 600, **more})


def judge(
    text: str,
    trust: Trust = OIDC,
    *,
    now: float = NOW,
    keys: tuple[forge.SigningKey, ...] = KEYS,
) -> Caller:
    """As `TokenAuthenticator.identify`, at a given time over given keys."""
    presented = read_token(text, DEFAULT_LIMITS)
    trust_for(presented, [trust])
    end_s = check_token(presented, trust, now, DEFAULT_LIMITS)
    key = KeySet(forge.jwks(*keys)).find(presented.kid, presented.algorithm)
    if key is None:
        raise CallError("no such key", code="InvalidAuthHeader")
    check_signature(presented, key)
    return caller_of(presented, end_s)


def is_believed_by_joserfc(text: str) -> bool:
    """The verdict of the other implementation on the same keys, time, issuer and audience."""
    keys = JoserfcKeySet.import_key_set(forge.jwks(RSA, EC, ED))  # type: ignore[arg-type]
    registry = joserfc_jwt.JWTClaimsRegistry(
        now=NOW,
        leeway=int(DEFAULT_LIMITS.auth_leeway_s),
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": "app"},
        sub={"essential": True},
        exp={"essential": True},
    )
    try:
        # It warns of the name EdDSA, which issuers still use.
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            found = joserfc_jwt.decode(text, keys, algorithms=["RS256", "ES256", "EdDSA"])
        registry.validate(found.claims)
    except (JoseError, ValueError):
        return False
    return True


@dataclass
class Case:
    """One token, and the code of its refusal."""

    name: str
    make: Callable[[], str]
    code: str | None = None


GOOD = [
    Case("RS256", lambda: forge.token(RSA, said())),
    Case("ES256", lambda: forge.token(EC, said())),
    Case("EdDSA", lambda: forge.token(ED, said())),
    Case("audience in a list", lambda: forge.token(RSA, said(aud=["app"]))),
    Case("no iat", lambda: forge.token(RSA, said(iat=None))),
    Case("expired within the leeway", lambda: forge.token(RSA, said(exp=NOW - 4))),
    Case("valid soon, within the leeway", lambda: forge.token(RSA, said(nbf=NOW + 5))),
    Case("issued soon, within the leeway", lambda: forge.token(RSA, said(iat=NOW + 5))),
    Case("a time with a fraction", lambda: forge.token(RSA, said(exp=NOW + 0.5))),
    Case("jku of its own, unused", lambda: forge.token(RSA, said(), jku="https://keys.example")),
]

HOSTILE = [
    Case("nothing", lambda: "", "InvalidAuthHeader"),
    Case("no JWT", lambda: "x.y.z", "InvalidAuthHeader"),
    Case("two parts", lambda: forge.token(RSA, said()).rpartition(".")[0], "InvalidAuthHeader"),
    Case("four parts", lambda: forge.token(RSA, said()) + ".AAAA", "InvalidAuthHeader"),
    Case("no text", lambda: forge.token(RSA, said()) + "é", "InvalidAuthHeader"),
    Case("claims are a list", lambda: forge.token(RSA, [1]), "InvalidAuthHeader"),
    Case("claims are no JSON", lambda: not_json(), "InvalidAuthHeader"),
    Case("alg none", lambda: forge.unsigned(said()), "InvalidAuthHeader"),
    Case(
        "alg none with the name of a key",
        lambda: forge.unsigned(said(), kid="rsa"),
        "InvalidAuthHeader",
    ),
    Case("alg None", lambda: forge.unsigned(said(), alg="None", kid="rsa"), "InvalidAuthHeader"),
    Case("alg nOnE", lambda: forge.unsigned(said(), alg="nOnE", kid="rsa"), "InvalidAuthHeader"),
    Case("no alg", lambda: forge.token(RSA, said(), alg=None), "InvalidAuthHeader"),
    Case("alg is a list", lambda: forge.token(RSA, said(), alg=["RS256"]), "InvalidAuthHeader"),
    Case(
        "alg none on a signature", lambda: forge.token(RSA, said(), alg="none"), "InvalidAuthHeader"
    ),
    Case(
        "HS256 with the public PEM",
        lambda: forge.confused(RSA, said(), RSA.pem()),
        "InvalidAuthHeader",
    ),
    Case(
        "HS256 with the modulus",
        lambda: forge.confused(RSA, said(), RSA.jwk()["n"].encode()),
        "InvalidAuthHeader",
    ),
    Case("HS256 with nothing", lambda: forge.confused(RSA, said(), b""), "InvalidAuthHeader"),
    Case("RS512", lambda: forge.token(RSA, said(), alg="RS512"), "InvalidAuthHeader"),
    Case("PS256", lambda: forge.token(RSA, said(), alg="PS256"), "InvalidAuthHeader"),
    Case("RS256 by an EC key", lambda: forge.token(EC, said(), alg="RS256"), "InvalidAuthHeader"),
    Case("ES256 by an RSA key", lambda: forge.token(RSA, said(), alg="ES256"), "InvalidAuthHeader"),
    Case(
        "other claims",
        lambda: forge.with_payload(forge.token(RSA, said()), said(sub="root")),
        "InvalidAuthHeader",
    ),
    Case(
        "empty signature",
        lambda: forge.with_signature(forge.token(RSA, said()), b""),
        "InvalidAuthHeader",
    ),
    Case(
        "EC signature of zeros",
        lambda: forge.with_signature(forge.token(EC, said()), bytes(64)),
        "InvalidAuthHeader",
    ),
    Case(
        "EC signature cut short",
        lambda: forge.with_signature(forge.token(EC, said()), bytes(10)),
        "InvalidAuthHeader",
    ),
    Case(
        "Ed signature of zeros",
        lambda: forge.with_signature(forge.token(ED, said()), bytes(64)),
        "InvalidAuthHeader",
    ),
    Case(
        "signed by somebody else",
        lambda: forge.token(ATTACKER.named("rsa"), said()),
        "InvalidAuthHeader",
    ),
    Case("a key of the attacker", lambda: forge.token(ATTACKER, said()), "InvalidAuthHeader"),
    Case(
        "jwk of the attacker",
        lambda: forge.token(ATTACKER.named("rsa"), said(), jwk=ATTACKER.jwk()),
        "InvalidAuthHeader",
    ),
    Case(
        "jku of the attacker",
        lambda: forge.token(ATTACKER, said(), jku="http://127.0.0.1:1/keys"),
        "InvalidAuthHeader",
    ),
    Case(
        "x5u of the attacker",
        lambda: forge.token(ATTACKER, said(), x5u="http://127.0.0.1:1/keys"),
        "InvalidAuthHeader",
    ),
    Case(
        "no kid among several keys",
        lambda: forge.token(ATTACKER, said(), kid=None),
        "InvalidAuthHeader",
    ),
    Case(
        "kid is a path", lambda: forge.token(RSA, said(), kid="../../dev/null"), "InvalidAuthHeader"
    ),
    Case("kid is SQL", lambda: forge.token(RSA, said(), kid="' OR 1=1 --"), "InvalidAuthHeader"),
    Case("kid is a number", lambda: forge.token(RSA, said(), kid=0), "InvalidAuthHeader"),
    Case("kid is empty", lambda: forge.token(ATTACKER, said(), kid=""), "InvalidAuthHeader"),
    Case("crit", lambda: forge.token(RSA, said(), crit=["x"], x=1), "InvalidAuthHeader"),
    Case("b64", lambda: forge.token(RSA, said(), b64=False), "InvalidAuthHeader"),
    Case("expired", lambda: forge.token(RSA, said(exp=NOW - 5)), "Unauthenticated"),
    Case("not yet valid", lambda: forge.token(RSA, said(nbf=NOW + 6)), "Unauthenticated"),
    Case("issued in the future", lambda: forge.token(RSA, said(iat=NOW + 60)), "Unauthenticated"),
    Case("no exp", lambda: forge.token(RSA, said(exp=None)), "InvalidAuthHeader"),
    Case("exp is text", lambda: forge.token(RSA, said(exp=str(NOW + 60))), "InvalidAuthHeader"),
    Case("exp is a list", lambda: forge.token(RSA, said(exp=[NOW + 60])), "InvalidAuthHeader"),
    Case("nbf is text", lambda: forge.token(RSA, said(nbf="0")), "InvalidAuthHeader"),
    Case("no sub", lambda: forge.token(RSA, said(sub=None)), "InvalidAuthHeader"),
    Case("sub is a number", lambda: forge.token(RSA, said(sub=5)), "InvalidAuthHeader"),
    Case("no iss", lambda: forge.token(RSA, said(iss=None)), "NoAuthProvider"),
    Case(
        "another iss", lambda: forge.token(RSA, said(iss="https://evil.example")), "NoAuthProvider"
    ),
    Case("iss with a tail", lambda: forge.token(RSA, said(iss=ISSUER + ".evil")), "NoAuthProvider"),
    Case("iss with a path", lambda: forge.token(RSA, said(iss=ISSUER + "/evil")), "NoAuthProvider"),
    Case(
        "iss with a user",
        lambda: forge.token(RSA, said(iss="https://issuer.example@evil")),
        "NoAuthProvider",
    ),
    Case("a part of iss", lambda: forge.token(RSA, said(iss="https://issuer")), "NoAuthProvider"),
    Case("iss in capitals", lambda: forge.token(RSA, said(iss=ISSUER.upper())), "NoAuthProvider"),
    Case("iss is a list", lambda: forge.token(RSA, said(iss=[ISSUER])), "NoAuthProvider"),
    Case("no aud", lambda: forge.token(RSA, said(aud=None)), "NoAuthProvider"),
    Case("another aud", lambda: forge.token(RSA, said(aud="other")), "NoAuthProvider"),
    Case("aud with a tail", lambda: forge.token(RSA, said(aud="app2")), "NoAuthProvider"),
    Case("a part of aud", lambda: forge.token(RSA, said(aud="ap")), "NoAuthProvider"),
    Case("aud is an object", lambda: forge.token(RSA, said(aud={"app": 1})), "NoAuthProvider"),
    Case("aud is empty", lambda: forge.token(RSA, said(aud=[])), "NoAuthProvider"),
]

STRICTER = [
    Case("crit is empty", lambda: forge.token(RSA, said(), crit=[]), "InvalidAuthHeader"),
    # What the standards leave to whoever takes the tokens, and this server refuses.
    Case(
        "exp at the end of all time", lambda: forge.token(RSA, said(exp=1e99)), "InvalidAuthHeader"
    ),
    Case("exp is true", lambda: forge.token(RSA, said(exp=True)), "InvalidAuthHeader"),
    Case("exp is negative", lambda: forge.token(RSA, said(exp=-1)), "InvalidAuthHeader"),
    Case("sub is empty", lambda: forge.token(RSA, said(sub="")), "InvalidAuthHeader"),
    Case(
        "typ of a logout token",
        lambda: forge.token(RSA, said(), typ="logout+jwt"),
        "InvalidAuthHeader",
    ),
    Case("typ is a list", lambda: forge.token(RSA, said(), typ=["JWT"]), "InvalidAuthHeader"),
    Case("a token in a token", lambda: forge.token(RSA, said(), cty="JWT"), "InvalidAuthHeader"),
    Case("a weak key", lambda: forge.token(WEAK, said()), "InvalidAuthHeader"),
    Case("very long", lambda: forge.token(RSA, said(x="x" * 20_000)), "InvalidAuthHeader"),
]


def not_json() -> str:
    head = forge.b64(json.dumps({"alg": "RS256", "kid": "rsa"}).encode())
    signed = f"{head}.{forge.b64(b'{')}"
    return f"{signed}.{forge.b64(RSA.sign(signed.encode()))}"


def names(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", GOOD, ids=names)
def test_good_token_is_believed(case: Case) -> None:
    text = case.make()

    assert is_believed_by_joserfc(text)
    identity = judge(text).identity
    assert identity is not None
    assert (f"{ISSUER}|ada", "ada", ISSUER) == (
        identity.token_identifier,
        identity.subject,
        identity.issuer,
    )


@pytest.mark.parametrize("case", HOSTILE, ids=names)
@pytest.mark.parametrize("trust", [OIDC, CUSTOM], ids=["oidc", "custom"])
def test_hostile_token_is_refused(case: Case, trust: Trust) -> None:
    text = case.make()

    assert not is_believed_by_joserfc(text)
    with pytest.raises(CallError) as caught:
        judge(text, trust)
    assert case.code == caught.value.code


@pytest.mark.parametrize("case", STRICTER, ids=names)
@pytest.mark.parametrize("trust", [OIDC, CUSTOM], ids=["oidc", "custom"])
def test_doubtful_token_is_refused(case: Case, trust: Trust) -> None:
    with pytest.raises(CallError) as caught:
        judge(case.make(), trust)
    assert case.code == caught.value.code


def test_refusal_says_why() -> None:
    reasons = {
        forge.token(WEAK, said()): "1024 bits, fewer than 2048",
        forge.token(RSA, said(exp=NOW - 60)): "it has expired",
        forge.token(RSA, said(nbf=NOW + 60)): "not valid yet (nbf)",
        forge.unsigned(said()): "'none' is not allowed",
        forge.token(RSA, said(aud="other")): "its audience 'other'",
        forge.token(EC, said(), alg="RS256"): "not for RS256",
        forge.token(RSA, said(sub=None)): "no subject (sub)",
    }
    for text, reason in reasons.items():
        with pytest.raises(CallError) as caught:
            judge(text)

        assert reason in caught.value.message


def test_algorithm_that_is_not_the_issuers_is_refused() -> None:
    only = replace(OIDC, algorithms=("ES256",))
    judge(forge.token(EC, said()), only)

    with pytest.raises(CallError, match="'RS256' is not allowed"):
        judge(forge.token(RSA, said()), only)


def test_token_without_kid_means_the_only_key_of_its_algorithm() -> None:
    text = forge.token(RSA, said(), kid=None)
    judge(text, keys=(RSA,))
    judge(text, keys=(RSA.named(None), EC))

    with pytest.raises(CallError, match="names no key"):
        judge(text, keys=(RSA, ATTACKER))
    with pytest.raises(CallError, match="names no key"):
        judge(text, keys=(RSA.named(None), ATTACKER.named(None)))


@pytest.mark.parametrize("issuer", [ISSUER, ISSUER + "/", "issuer.example", "issuer.example/"])
def test_slash_and_https_of_an_issuer_make_no_difference(issuer: str) -> None:
    identity = judge(forge.token(RSA, said(iss=issuer))).identity

    assert identity is not None
    assert issuer == identity.issuer
    assert f"{issuer}|ada" == identity.token_identifier


@pytest.mark.parametrize(
    ("more", "trust", "is_believed"),
    [
        ({"aud": ["app", "other"]}, OIDC, False),
        ({"aud": ["app", "other"], "azp": "other"}, OIDC, False),
        ({"aud": ["app", "other"], "azp": "app"}, OIDC, True),
        ({"aud": ["other", "app"]}, CUSTOM, True),
        ({"aud": "other"}, replace(OIDC, audience=None), True),
        ({"aud": None}, replace(CUSTOM, audience=None), True),
    ],
)
def test_audiences(more: dict[str, Any], trust: Trust, is_believed: bool) -> None:
    text = forge.token(RSA, said(**more))
    if is_believed:
        judge(text, trust)
    else:
        with pytest.raises(CallError) as caught:
            judge(text, trust)
        assert "NoAuthProvider" == caught.value.code


@pytest.mark.parametrize(
    ("typ", "trust", "is_believed"),
    [
        (None, OIDC, True),
        ("jwt", OIDC, True),
        ("at+jwt", OIDC, False),
        ("at+jwt", CUSTOM, True),
        ("application/at+jwt", CUSTOM, True),
        ("dpop+jwt", CUSTOM, False),
    ],
)
def test_types(typ: str | None, trust: Trust, is_believed: bool) -> None:
    text = forge.token(RSA, said(), typ=typ)
    if is_believed:
        judge(text, trust)
    else:
        with pytest.raises(CallError, match="is not for this"):
            judge(text, trust)


def test_first_issuer_that_fits_is_asked() -> None:
    other = replace(OIDC, audience="other")
    presented = read_token(forge.token(RSA, said(aud="other")), DEFAULT_LIMITS)

    assert trust_for(presented, [OIDC, other, CUSTOM]) is other


# How long


@pytest.mark.parametrize(("late_s", "end_s"), [(0, 600), (599.9, 600), (600, 605), (604.9, 605)])
def test_end_of_a_token(late_s: float, end_s: float) -> None:
    """Shown in time it ends when it says; shown within the leeway, with the leeway."""
    caller = judge(forge.token(RSA, said()), now=NOW + late_s)

    assert not caller.is_expired(int((NOW + end_s) * 1e9) - 1)
    assert caller.is_expired(int((NOW + end_s) * 1e9))


# What the identity says


def test_fresh_token_of_the_same_user_is_an_equal_identity() -> None:
    first = judge(forge.token(RSA, said(jti="1", nbf=NOW - 9, nonce="a", at_hash="h", fva=[1, 2])))
    second = judge(
        forge.token(EC, said(jti="2", exp=NOW + 900, iat=NOW - 5, at_hash="i")), now=NOW + 1
    )

    assert first == second
    assert first.expires_ns != second.expires_ns
    assert judge(forge.token(RSA, said(role="admin"))) != first


def test_claims_are_all_that_the_token_says_of_the_user() -> None:
    text = forge.token(
        RSA,
        said(
            jti="1",
            email="ada@example.org",
            roles=["a"],
            properties={"id": 5, "deep": {"er": True}},
            **{"https://app/plan": "pro", "properties.id": "own"},
        ),
    )
    identity = judge(text, CUSTOM).identity

    assert identity is not None
    assert {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "app",
        "email": "ada@example.org",
        "roles": ["a"],
        "properties": {"id": 5, "deep": {"er": True}},
        "properties.id": "own",
        "properties.deep": {"er": True},
        "properties.deep.er": True,
        "https://app/plan": "pro",
    } == identity.claims


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": None},
        {"keys": {"a": 1}},
    ],
)
def test_what_is_no_key_set(document: object) -> None:
    with pytest.raises(ValueError, match="no JWK set"):
        KeySet(document)


@pytest.mark.parametrize(
    "jwk",
    [
        "text",
        {},
        {"kty": []},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
        RSA.jwk(use="enc"),
        RSA.jwk(key_ops=["encrypt"]),
        RSA.jwk(key_ops="verify"),
        RSA.jwk(alg="RSA-OAEP"),
        RSA.jwk(alg=[]),
        RSA.jwk(n=5),
        RSA.jwk(n="é"),
        RSA.jwk(n=""),
        RSA.jwk(e="AA"),
        EC.jwk(crv="P-384"),
        EC.jwk(crv=["P-256"]),
        EC.jwk(x=EC.jwk()["y"]),
        ED.jwk(crv="X25519"),
        ED.jwk(x="AAAA"),
    ],
)
def test_key_that_cannot_be_used_is_passed_over(jwk: object) -> None:
    keys = KeySet({"keys": [jwk, ED.named("good").jwk()]})

    assert 1 == len(keys)
    assert keys.find("good", "EdDSA") is not None


def test_private_members_of_a_key_are_not_looked_at() -> None:
    keys = KeySet({"keys": [RSA.jwk(d="AA", p="garbage")]})
    key = keys.find("rsa", "RS256")

    assert key is not None
    check_signature(read_token(forge.token(RSA, said()), DEFAULT_LIMITS), key)
