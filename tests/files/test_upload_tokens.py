"""Tokens of uploads: whose they are, and until when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.runtime.upload_tokens import UploadTokenError, check_token, make_token

SECRET = b"s" * 32


@given(st.integers(0, 2**63), st.integers(0, 2**64 - 1))
def test_token_is_good_until_it_ends(expires_ms: int, nonce: int) -> None:
    token = make_token(SECRET, expires_ms, nonce)
    check_token(SECRET, token, expires_ms - 1)
    with pytest.raises(UploadTokenError) as raised:
        check_token(SECRET, token, expires_ms)

    assert (raised.value.code, raised.value.http_status) == ("StorageTokenExpired", 401)


def test_token_of_another_server() -> None:
    token = make_token(b"t" * 32, 10, 1)
    with pytest.raises(UploadTokenError) as raised:
        check_token(SECRET, token, 0)

    assert raised.value.code == "StorageTokenInvalid"


@given(st.data())
def test_changed_token(data: st.DataObject) -> None:
    token = make_token(SECRET, 1_000, 7)
    at = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.sampled_from("ABCabc019-_é%").filter(lambda each: each != token[at]))
    with pytest.raises(UploadTokenError) as raised:
        check_token(SECRET, token[:at] + letter + token[at + 1 :], 0)

    assert raised.value.code == "StorageTokenInvalid"


@given(st.text(max_size=100))
def test_nonsense(text: str) -> None:
    with pytest.raises(UploadTokenError):
        check_token(SECRET, text, 0)
