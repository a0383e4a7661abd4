"""Which function a path means."""

from typing import Any, cast

import pytest

from reactive import MutationCtx, QueryCtx, action, internal_query, mutation, query
from reactive.errors import CallError, ProjectError, UsageError
from reactive.runtime.function import Kind
from reactive.runtime.registry import FunctionRegistry


@query
async def list_all(ctx: QueryCtx) -> None: ...


@mutation(name="send")
async def send_message(ctx: MutationCtx) -> None: ...


@query
async def default(ctx: QueryCtx) -> None: ...


@internal_query
async def secret(ctx: QueryCtx) -> None: ...


def made_of(case: str, *functions: tuple[str, str, Any]) -> FunctionRegistry:
    return FunctionRegistry(functions, case)


def registry(case: str = "exact", module: str = "chat_rooms/my_threads") -> FunctionRegistry:
    return made_of(
        case,
        (module, "list_all", list_all),
        (module, "send_message", send_message),
        (module, "default", default),
        (module, "secret", secret),
    )


@pytest.mark.parametrize(
    ("case", "path", "function"),
    [
        ("exact", "chat_rooms/my_threads:list_all", list_all),
        ("exact", "chat_rooms/my_threads.js:list_all", list_all),
        ("exact", "chat_rooms/my_threads:send", send_message),
        ("exact", "chat_rooms/my_threads", default),
        ("exact", "chat_rooms/my_threads:default", default),
        ("camel", "chatRooms/myThreads:listAll", list_all),
        # A name of one's own is as it was given.
        ("camel", "chatRooms/myThreads:send", send_message),
        ("camel", "chatRooms/myThreads", default),
    ],
)
def test_path_of_a_client(case: str, path: str, function: object) -> None:
    assert function is registry(case).find(path, None, is_admin=False).function


@pytest.mark.parametrize("case", ["exact", "camel"])
def test_path_of_python_is_the_same_in_every_case(case: str) -> None:
    functions = registry(case)

    assert list_all is functions.refer("chat_rooms/my_threads:list_all", Kind.QUERY).function
    assert default is functions.refer("chat_rooms/my_threads", Kind.QUERY).function
    assert list_all is functions.refer(list_all, Kind.QUERY).function
    assert secret is functions.refer(secret, Kind.QUERY).function


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ("exact", "chat_rooms/my_threads:nowhere"),
        ("exact", "nowhere:list_all"),
        ("exact", "chatRooms/myThreads:listAll"),
        ("exact", "chat_rooms/my_threads:send_message"),
        ("exact", "chat_rooms/my_threads:secret"),
        ("camel", "chat_rooms/my_threads:list_all"),
        ("camel", "chatRooms/myThreads:secret"),
    ],
)
def test_missing_and_internal_functions_are_answered_alike(case: str, path: str) -> None:
    for kind in (None, Kind.QUERY, Kind.ACTION):
        with pytest.raises(CallError) as caught:
            registry(case).find(path, kind, is_admin=False)

        assert f"Could not find public function for '{path}'." == caught.value.message
        assert "FunctionNotFound" == caught.value.code


def test_default_is_not_named_when_it_is_missing() -> None:
    with pytest.raises(CallError, match=r"public function for 'nowhere'\."):
        registry().find("nowhere", Kind.QUERY, is_admin=False)


def test_admin_finds_internal_functions() -> None:
    found = registry().find("chat_rooms/my_threads:secret", Kind.QUERY, is_admin=True)

    assert secret is found.function


def test_wrong_kind_is_named() -> None:
    with pytest.raises(CallError) as caught:
        registry().find("chat_rooms/my_threads:send", Kind.QUERY, is_admin=False)

    assert "WrongFunctionKind" == caught.value.code
    assert (
        "Trying to execute chat_rooms/my_threads:send as Query, but it is defined as Mutation."
        == caught.value.message
    )


@pytest.mark.parametrize("function", ["nowhere:x", "nowhere", None, 5, print])
def test_reference_to_nothing_is_refused(function: object) -> None:
    with pytest.raises(UsageError) as caught:
        registry().refer(function, Kind.QUERY)

    assert "FunctionNotFound" == caught.value.code


def test_reference_to_another_kind_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        registry().refer(send_message, Kind.QUERY)

    assert "InvalidFunctionCall" == caught.value.code
    assert "mutation" in caught.value.message


def test_two_functions_of_one_path_are_refused() -> None:
    with pytest.raises(ProjectError, match=r"functions/a.py: there are two functions 'a:send'"):
        made_of("exact", ("a", "send", list_all), ("a", "other", send_message))
    with pytest.raises(ProjectError, match="two functions"):
        made_of("camel", ("a", "list_all", list_all), ("a", "listAll", default))


@pytest.mark.parametrize("name", ["has space", "9", "a-b", "a:b"])
def test_name_that_can_be_in_no_path_is_refused(name: str) -> None:
    @query(name=name)
    async def handler(ctx: QueryCtx) -> None: ...

    with pytest.raises(ProjectError, match=r"functions/a\.py: .* is no path"):
        made_of("exact", ("a", "handler", handler))


def test_function_shows_its_path() -> None:
    registry()

    assert Kind.QUERY is list_all.kind
    assert "<query chat_rooms/my_threads:list_all>" == repr(list_all)


async def test_arguments_of_any_name_may_be_given_directly() -> None:
    @query
    async def named(ctx: QueryCtx, self: int, function: str) -> tuple[int, str]:
        return self, function

    assert await named(cast("QueryCtx", None), self=1, function="f") == (1, "f")


def test_decorating_twice_is_refused() -> None:
    with pytest.raises(ProjectError, match="decorated twice"):
        action(list_all)  # type: ignore[arg-type]
