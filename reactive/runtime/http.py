"""HTTP endpoints as an author declares them, in `functions/http.py`.

A handler gets the server's own request and gives its response (aiohttp's); nothing here looks into
either. Source of the rules: Convex's HTTP router.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from reactive.backend import ENDPOINT_METHODS, Cors
from reactive.errors import ProjectError

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)


def cors(
    *,
    origins: str | Sequence[str] | None = None,
    headers: Sequence[str] | None = None,
    expose: Sequence[str] = (),
    credentials: bool = False,
    max_age: float = 86_400.0,
) -> Cors:
    """Lets pages of other origins call an endpoint: answers `OPTIONS` and adds the headers.

    It is given to one route (`@http.route(..., cors=cors())`) or to all
    (`HttpRouter(cors=cors())`), or decorates a handler (`@cors()`).

    `origins` are those allowed, as in the setting `allowed_origins`, which holds without it;
    `"*"` is any. `headers` are those that a page may send (whatever it asks for), `expose` those
    of the answer that it may read, `credentials` lets it send cookies, and for `max_age` seconds
    a browser need not ask again.

    Raises:
        ProjectError: for credentials with any origin, which would open every user's session.
    """
    named = (origins,) if isinstance(origins, str) else origins
    allowed = None if named is None else tuple(named)
    if credentials and allowed is not None and "*" in allowed:
        raise ProjectError("cors: credentials need a list of origins, not '*'")
    return Cors(
        allowed,
        None if headers is None else tuple(headers),
        tuple(expose),
        credentials,
        int(max_age),
    )


class Route(NamedTuple):
    """One endpoint: a method, and a path or the prefix of one."""

    method: str
    path: str
    is_prefix: bool
    handler: Handler
    given_cors: Cors | None = None

    @property
    def cors(self) -> Cors | None:
        """Its own, its handler's, or that of all routes."""
        own = getattr(self.handler, "__reactive_cors__", None)
        return own if isinstance(own, Cors) else self.given_cors


class HttpRouter:
    """The endpoints of a project: `http = HttpRouter()` in `functions/http.py`."""

    def __init__(self, *, cors: Cors | None = None) -> None:
        self._cors = cors
        self._exact: dict[tuple[str, str], Route] = {}
        self._prefixes: dict[tuple[str, str], Route] = {}

    def route(
        self,
        path: str | None = None,
        *,
        path_prefix: str | None = None,
        methods: Iterable[str] = ("GET",),
        cors: Cors | None = None,
    ) -> Callable[[H], H]:
        """Answers a path, or all paths with a prefix (`"/files/"`), by the decorated function.

        An exact path comes before a prefix, a longer prefix before a shorter one. `GET` answers
        `HEAD` as well. The handler is an `async def` of a context and aiohttp's request, whose
        `match_info["tail"]` is what follows the prefix.

        Raises:
            ProjectError: for a path, a prefix or a method that cannot be, or that is taken, and for
                a handler that is not async.
        """
        place = path if path is not None else path_prefix
        if place is None or (path is not None and path_prefix is not None):
            raise ProjectError("an HTTP route has either a path or a path_prefix")
        is_prefix = path is None
        if not place.startswith("/") or (is_prefix and not place.endswith("/")):
            rule = "must start and end with '/'" if is_prefix else "must start with '/'"
            raise ProjectError(f"the HTTP route {place!r} {rule}")
        names = [methods] if isinstance(methods, str) else list(methods)
        names = [name.upper() for name in names]
        if not names or not set(names) <= set(ENDPOINT_METHODS):
            raise ProjectError(
                f"the HTTP route {place!r}: methods are {', '.join(ENDPOINT_METHODS)}, not {names}"
            )

        def register(handler: H) -> H:
            is_async: bool = inspect.iscoroutinefunction(handler)
            if not is_async:
                raise ProjectError(f"the HTTP route {place!r}: {handler!r} must be an async def")
            for method in names:
                self._add(Route(method, place, is_prefix, handler, cors or self._cors))
            return handler

        return register

    def _add(self, route: Route) -> None:
        routes = self._prefixes if route.is_prefix else self._exact
        if (route.method, route.path) in routes:
            raise ProjectError(f"there are two HTTP routes {route.method} {route.path}")
        routes[route.method, route.path] = route

    @property
    def is_empty(self) -> bool:
        return not self._exact and not self._prefixes

    @property
    def paths(self) -> list[str]:
        """Every path and prefix that is declared."""
        return sorted({path for _, path in (*self._exact, *self._prefixes)})

    def find(self, method: str, path: str) -> Route | None:
        """The endpoint of a request, if there is one."""
        name = "GET" if method == "HEAD" else method
        exact = self._exact.get((name, path))
        if exact is not None:
            return exact
        fitting = [
            route
            for (each, prefix), route in self._prefixes.items()
            if each == name and path.startswith(prefix)
        ]
        return max(fitting, key=lambda route: len(route.path), default=None)
