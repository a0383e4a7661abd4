"""How clients write the path of a function: sync-protocol 3.3."""

import pytest

from reactive.errors import CallError
from reactive.protocol.paths import canonical_path


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("messages:list", "messages:list"),
        ("messages.js:list", "messages:list"),
        ("dir/mod:fn", "dir/mod:fn"),
        ("dir/mod.js:fn", "dir/mod:fn"),
        ("messages", "messages:default"),
        ("messages.js", "messages:default"),
        ("dir/mod", "dir/mod:default"),
        ("messages:default", "messages:default"),
        ("a_b/C.d:_e1", "a_b/C.d:_e1"),
        ("_system/cli:fn", "_system/cli:fn"),
        (f"{'m' * 64}:{'f' * 64}", f"{'m' * 64}:{'f' * 64}"),
    ],
)
def test_path(path: str, canonical: str) -> None:
    assert canonical == canonical_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", ":", "a:", ":b", "a:b:c", "/a:b", "a/:b", "a//b:c", "../a:b", "a/../b:c", ".:b"),
        *("a:9b", "a:b-c", "a b:c", "a:b c", "a:b\n", "é:b", "a:é", "___:b", "a:___"),
        *(f"{'m' * 65}:f", f"m:{'f' * 65}", "a/" * 600 + "b:c"),
    ],
)
def test_what_can_be_no_path_is_refused(path: str) -> None:
    with pytest.raises(CallError) as caught:
        canonical_path(path)

    assert caught.value.code == "BadConvexFunctionIdentifier"
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("path", [None, 5, ["a:b"], {}])
def test_path_is_a_string(path: object) -> None:
    with pytest.raises(CallError, match="a function path is a string"):
        canonical_path(path)
