"""`HttpRouter` alone: which route is found, and which cannot be declared."""

from typing import Any

import pytest

from reactive import HttpRouter, cors
from reactive.errors import ProjectError


async def handler(ctx: Any, request: Any) -> None:
    """Is never run here."""


def router(*routes: tuple[str, str]) -> HttpRouter:
    made = HttpRouter()
    for method, place in routes:
        if place.endswith("*"):
            made.route(path_prefix=place[:-1], methods=[method])(handler)
        else:
            made.route(place, methods=[method])(handler)
    return made


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/a", "/a"),
        ("HEAD", "/a", "/a"),
        ("POST", "/a", None),
        ("GET", "/a/", "/"),
        ("GET", "/a/b", "/a/b"),
        ("GET", "/a/b/", "/a/b/"),
        ("GET", "/a/b/c/d", "/a/b/"),
        ("POST", "/a/b/c", "/a/b/c"),
        ("GET", "/other", "/"),
        ("GET", "/", "/"),
        ("DELETE", "/a", None),
        ("BREW", "/a", None),
        ("get", "/a", None),
    ],
)
def test_nearest_route_is_found(method: str, path: str, found: str | None) -> None:
    routes = router(
        ("GET", "/*"),
        ("GET", "/a"),
        ("GET", "/a/b/*"),
        ("GET", "/a/b"),
        ("POST", "/a/b/c"),
    )
    route = routes.find(method, path)

    assert (route.path if route else None) == found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"path": "a"}, "start with"),
        ({"path": ""}, "start with"),
        ({"path_prefix": "/a"}, "start and end"),
        ({"path_prefix": "a/"}, "start and end"),
        ({}, "either"),
        ({"path": "/a", "path_prefix": "/a/"}, "either"),
        ({"path": "/a", "methods": ["BREW"]}, "methods"),
        ({"path": "/a", "methods": []}, "methods"),
    ],
)
def test_route_that_cannot_be(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ProjectError, match=says):
        HttpRouter().route(**given)(handler)


def test_two_routes_for_one_path() -> None:
    routes = router(("GET", "/a"), ("POST", "/a"))
    with pytest.raises(ProjectError, match="two HTTP routes POST /a"):
        routes.route("/a", methods=["PUT", "POST"])(handler)


def test_methods_in_small_letters_and_alone() -> None:
    routes = HttpRouter()
    routes.route("/a", methods="post")(handler)

    assert routes.find("POST", "/a") is not None


def test_handler_that_is_not_async() -> None:
    def plain(ctx: Any, request: Any) -> None: ...

    with pytest.raises(ProjectError, match="async def"):
        HttpRouter().route("/a")(plain)  # type: ignore[type-var]


def test_cors_of_the_router_of_the_route_and_of_the_handler() -> None:
    general, own, on_handler = cors(), cors(origins=["https://own"]), cors(origins=["https://h"])
    routes = HttpRouter(cors=general)

    async def decorated(ctx: Any, request: Any) -> None: ...

    routes.route("/general")(handler)
    routes.route("/own", cors=own)(handler)
    routes.route("/decorated")(on_handler(decorated))

    found = [routes.find("GET", path) for path in ("/general", "/own", "/decorated")]
    assert [each.cors if each else None for each in found] == [general, own, on_handler]


def test_credentials_for_any_origin_are_refused() -> None:
    with pytest.raises(ProjectError, match="credentials"):
        cors(origins="*", credentials=True)
    with pytest.raises(ProjectError, match="credentials"):
        cors(origins=["https://a", "*"], credentials=True)
