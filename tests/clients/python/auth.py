"""Login and logout with the clients of PyPI. Tokens come from the test."""

from typing import Any

from convex import ConvexClient, ConvexError
from convex.http_client import ConvexHttpClient
from harness import URL, ask, check, failure, run, unique_name

client = ConvexClient(URL)


def becomes(subscription: Any, wanted: Any) -> list[Any]:
    """Reads a subscription until a value; gives all that came, repetitions included."""
    values: list[Any] = []
    while not values or values[-1] != wanted:
        values.append(next(subscription))
    return values


@check("set_auth logs in and clear_auth logs out")
def _() -> None:
    name = unique_name()
    assert client.query("who:my_name") == "nobody"
    subscription = client.subscribe("who:my_name")
    assert next(subscription) == "nobody"
    client.set_auth(ask("token", name, 600))
    assert becomes(subscription, name) == [name]
    assert client.mutation("who:write", {"text": name}) == name
    assert client.query("who:my_notes") == [name]
    client.clear_auth()
    assert set(becomes(subscription, "nobody")) <= {name, "nobody"}
    assert isinstance(failure(lambda: client.query("who:my_notes")), ConvexError)


@check("a fresh token of the same user changes nothing")
def _() -> None:
    name = unique_name()
    client.set_auth(ask("token", name, 600))
    subscription = client.subscribe("who:my_notes")
    assert next(subscription) == []
    client.set_auth(ask("token", name, 900))
    client.mutation("who:write", {"text": "after"})
    assert all(notes in ([], ["after"]) for notes in becomes(subscription, ["after"]))
    client.clear_auth()


@check("a token that is over is replaced by one that is not")
def _() -> None:
    name = unique_name()
    client.set_auth(ask("token", name, 3))
    assert client.query("who:my_name") == name
    ask("untilOver")
    client.set_auth(ask("token", name, 600))
    assert client.mutation("who:write", {"text": name}) == name
    client.clear_auth()


@check("an administrator may call internal functions")
def _() -> None:
    client.set_admin_auth("secret")
    assert client.query("who:hidden") == "nobody"
    client.clear_auth()


@check("the HTTP client")
def _() -> None:
    http = ConvexHttpClient(URL)
    name = unique_name()
    assert http.query("who:my_name") == "nobody"
    http.set_auth(ask("token", name, 600))
    assert http.query("who:my_name") == name
    assert http.mutation("who:write", {"text": name}) == name
    http.set_auth(ask("badToken", name))
    assert "401 InvalidAuthHeader" in str(failure(lambda: http.query("who:my_name")))
    http.set_admin_auth("secret")
    assert http.query("who:hidden") == "nobody"
    http.clear_auth()
    assert http.query("who:my_name") == "nobody"


run()
