"""What `reactive doctor` asks others: a server, providers of models, issuers of tokens."""

import asyncio
import errno
import os
import time
from contextlib import aclosing
from urllib.parse import urlsplit

import aiohttp
import orjson

from reactive.ai.providers.base import Provider, ProviderError, Request, Turn
from reactive.ai.providers.endpoint import Endpoint, endpoint_of
from reactive.ai.providers.registry import key_name, provider_of
from reactive.auth.authenticator import TokenAuthenticator
from reactive.cli.findings import Finding, fine, problem
from reactive.clock import SystemClock
from reactive.errors import ReactiveError
from reactive.limits import DEFAULT_LIMITS
from reactive.settings import Settings, TokenIssuer


class _NobodyListensError(Exception):
    """Nothing accepts connections there."""


class _OtherServerError(Exception):
    """Something answers, and it is no server of this kind."""


# Servers


async def check_url(url: str) -> tuple[Finding, bool]:
    """The server that should be at a URL, and whether it is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"{url!r} is no URL of a server: it must be http://host:port or https://host"
        return problem("url", "bad-url", message), False
    try:
        return fine("url", await _greet(url.rstrip("/"))), True
    except _NobodyListensError as error:
        message = f"nobody listens at {url}: {error}; is the server started, and the port right?"
        return problem("url", "nobody-listens", message), False
    except _OtherServerError as error:
        message = f"what answers at {url} is no reactive server: {error}"
        return problem("url", "other-server", message), False


async def check_port(settings: Settings) -> tuple[Finding, bool]:
    """The port of the settings, which is free or a running server's, and whether there is one."""
    host, port = settings.host, settings.port
    try:
        # As the server itself would, so that whatever it refuses is refused here.
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(asyncio.Protocol, host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            message = f"cannot listen on {host}:{port}: {error.strerror}"
            return problem("port", "cannot-listen", message), False
    else:
        listening.close()
        await listening.wait_closed()
        which = "a free port will be taken" if port == 0 else f"{host}:{port} is free"
        return fine("port", which), False
    url = settings.model_copy(update={"public_url": None}).origin(port)
    try:
        return fine("port", await _greet(url)), True
    except (_NobodyListensError, _OtherServerError) as error:
        message = f"{host}:{port} is taken, and not by a reactive server: {error}"
        return problem("port", "taken", message), False


async def _greet(url: str) -> str:
    """What a server says of itself.

    Raises:
        _NobodyListensError, _OtherServerError: when there is none.
    """
    patience = aiohttp.ClientTimeout(total=DEFAULT_LIMITS.client_connect_s)
    start = time.perf_counter()
    try:
        async with aiohttp.ClientSession(timeout=patience) as session:
            async with session.get(f"{url}/healthz") as response:
                status, body = response.status, await response.read()
            taken_ms = (time.perf_counter() - start) * 1e3
            if not _is_healthy(status, body):
                raise _OtherServerError(f"GET /healthz is answered with status {status}")
            async with session.get(f"{url}/instance_name") as response:
                name = await response.text()
            async with session.get(f"{url}/version") as response:
                version = await response.text()
    except aiohttp.ClientSSLError as error:
        raise _OtherServerError(f"TLS fails: {error.os_error.strerror}") from error
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno or 0
        reason = os.strerror(number) if number > 0 else error.os_error.strerror
        raise _NobodyListensError(reason) from error
    except TimeoutError as error:
        raise _OtherServerError(f"no answer within {patience.total:g} s") from error
    except aiohttp.ClientError as error:
        raise _OtherServerError(f"{type(error).__name__}: {error}") from error
    return f"reactive {version} serves {name} at {url}, and answers in {taken_ms:.2g} ms"


def _is_healthy(status: int, body: bytes) -> bool:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return status == 200 and isinstance(found, dict) and {"status", "sockets"} <= found.keys()


# Providers of models


async def check_providers(settings: Settings, *, pings: bool) -> list[Finding]:
    """The provider of the setting `model`, and every other that there is a key for."""
    try:
        provider, model = provider_of(settings.model, SystemClock())
    except ProviderError as error:
        return [problem("provider", "no-model", f"setting model: {error.message}")]
    used = key_name(settings.model)
    found = [fine("provider", f"{settings.model} needs no key")]
    if used is not None:
        found = [_provider(settings.model, endpoint_of(used))]
    if pings and found[0].status == "ok":
        found.append(await _ping(settings, provider, model))
    others = [endpoint_of(name) for name in ("openai", "anthropic", "openrouter") if name != used]
    found += [_provider(each.name, each) for each in others if os.environ.get(each.key_variable)]
    return found


def _provider(name: str, endpoint: Endpoint) -> Finding:
    try:
        endpoint.key(Request(name, ()))
    except ProviderError as error:
        return problem("provider", "no-key", f"{name}: {error.message}")
    parts = urlsplit(endpoint.url())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return problem("provider", "bad-url", f"{name}: {endpoint.url_variable} is no URL")
    # Its user part may be a password.
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return fine("provider", f"{name} has a key, and is asked at {place}")


async def _ping(settings: Settings, provider: Provider, model: str) -> Finding:
    """Asks a model for one word, and listens no longer than to its first event."""
    request = Request(model, [Turn("user", "Say: ok")])
    start = time.perf_counter()
    try:
        async with (
            asyncio.timeout(settings.first_token_timeout),
            aclosing(provider.stream(request)) as answer,
        ):
            await anext(aiter(answer))
    except ProviderError as error:
        code = error.code.replace("_", "-")
        return problem("ping", code, f"{settings.model}: {error.message}")
    except TimeoutError:
        message = f"{settings.model} did not answer within {settings.first_token_timeout:g} s"
        return problem("ping", "timeout-first-token", message)
    taken_ms = (time.perf_counter() - start) * 1e3
    return fine("ping", f"{settings.model} began to answer after {taken_ms:,.0f} ms")


# Issuers of tokens


async def check_auth(settings: Settings) -> list[Finding]:
    """Each issuer of the setting `auth`: whether it gives its keys."""
    if not settings.auth:
        return [fine("auth", "no issuer is trusted: every caller is anonymous")]
    return [await _issuer(number, issuer) for number, issuer in enumerate(settings.auth)]


async def _issuer(number: int, issuer: TokenIssuer) -> Finding:
    name = f"auth.{number} ({issuer.issuer})"
    authenticator = None
    try:
        authenticator = TokenAuthenticator([issuer], SystemClock(), DEFAULT_LIMITS)
        keys = await authenticator.key_count()
    except ReactiveError as error:
        reason = "; ".join([error.message, *getattr(error, "__notes__", ())])
        return problem("auth", "no-keys", f"{name}: {reason}")
    finally:
        if authenticator is not None:
            await authenticator.close()
    if not keys:
        message = f"{name}: none of its keys verifies RS256, ES256 or EdDSA"
        return problem("auth", "no-keys", message)
    if issuer.audience is None:
        open_to = "; without an audience, tokens for its other applications are accepted, too"
        return fine("auth", f"{name}: {keys} keys{open_to}")
    return fine("auth", f"{name}: {keys} keys")
