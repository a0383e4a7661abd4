"""The settings of a server: a project's pyproject.toml, the environment, and the caller's own."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reactive.errors import ProjectError

_PREFIX = "REACTIVE_"
_STORE = re.compile(r"sqlite:///.+|memory:")
_FLAG_PREFIX = "REACTIVE_FLAG_"
_JSON_SETTINGS = {"auth", "allowed_origins", "flags"}


def canonical_issuer(issuer: str) -> str:
    """An issuer as it is compared: one trailing slash and a missing `https://` do not count."""
    issuer = issuer.removesuffix("/")
    return issuer if "://" in issuer else f"https://{issuer}"


def check_issuer_url(url: str) -> None:
    """Refuses a URL that nobody should trust what comes from.

    Raises:
        ValueError: for anything but https, and http on a loopback host.
    """
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError(f"{url!r} is no https URL")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"{url!r}: plain http is only for a loopback host; use https")
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{url!r} must have neither a user nor a fragment")
    if parts.port == 0:
        raise ValueError(f"{url!r} has no port to connect to")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TokenIssuer(BaseModel):
    """One trusted issuer of user tokens.

    With `jwks`, a URL or a `data:` URL of a JWK set, its tokens are proved by those keys; without,
    by the keys that its OpenID discovery document names. Without `algorithm` its keys decide.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    audience: str | None = None
    jwks: str | None = None
    algorithm: Literal["RS256", "ES256", "EdDSA"] | None = None

    @field_validator("issuer")
    @classmethod
    def _safe_issuer(cls, issuer: str) -> str:
        check_issuer_url(canonical_issuer(issuer))
        if urlsplit(issuer).query:
            raise ValueError(f"{issuer!r} must have no query")
        return issuer

    @field_validator("jwks")
    @classmethod
    def _safe_jwks(cls, jwks: str | None) -> str | None:
        if jwks is not None and not jwks.startswith("data:"):
            check_issuer_url(jwks)
        return jwks


class Settings(BaseModel):
    """What `[tool.reactive]`, `REACTIVE_<NAME>` and flags may set; later ones win."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: Literal["exact", "camel"] = "exact"
    store: str = "sqlite:///.reactive/data.sqlite3"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 3210
    auth: tuple[TokenIssuer, ...] = ()
    public_url: str | None = None
    admin_key: str | None = None
    allowed_origins: tuple[str, ...] | None = None
    static: str | None = None
    socketio: bool = True
    model: str = "scripted/echo"
    first_token_timeout: Annotated[float, Field(gt=0)] = 30.0
    token_timeout: Annotated[float, Field(gt=0)] = 30.0
    stream_timeout: Annotated[float, Field(gt=0)] = 600.0
    rate_limit: Annotated[float, Field(ge=0)] = 120.0
    thread_rate_limit: Annotated[float, Field(ge=0)] = 0.0
    response_cache: Annotated[float, Field(ge=0)] = 0.0
    flags: dict[str, str] = Field(default_factory=dict)

    @field_validator("store")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if not _STORE.fullmatch(url):
            raise ValueError("a store is sqlite:///relative/path or sqlite:////absolute/path")
        return url

    @field_validator("public_url")
    @classmethod
    def _usable_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError(f"{url!r} must have no user, query or fragment")
        return url.rstrip("/")

    def origin(self, port: int) -> str:
        """What URLs of this server start with, when it listens at the port."""
        if self.public_url is not None:
            return self.public_url
        # An address that means all of a machine's is none that a client can connect to.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def load_settings(project: Path, given: Mapping[str, Any]) -> Settings:
    """The settings that hold for a project.

    Raises:
        ProjectError: naming the setting that is unknown or wrong, and where it was set.
    """
    settings, problems = look_at_settings(project, given)
    if problems:
        raise ProjectError(problems[0])
    return settings


def look_at_settings(project: Path, given: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """The settings as far as they are right, and what is wrong with each of the others."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    problems: list[str] = []
    for source, found in (
        ("pyproject.toml", _from_project(project, problems)),
        ("the environment", _from_environment(problems)),
        ("the call", {name: value for name, value in given.items() if value is not None}),
    ):
        for name, value in found.items():
            if name not in Settings.model_fields:
                problems.append(f"unknown setting {name!r} in {source}")
                continue
            values[name] = _joined(values.get(name), value) if name == "flags" else value
            sources[name] = source
    try:
        return Settings.model_validate(values), problems
    except ValidationError as error:
        for each in error.errors(include_url=False):
            name = str(each["loc"][0])
            where = ".".join(map(str, each["loc"]))
            problems.append(f"setting {where} in {sources[name]}: {each['msg']}")
            values.pop(name, None)
    return Settings.model_validate(values), problems


def flag_name(key: str) -> str:
    """A flag's key as a variable of the environment can say it, in lower case."""
    return re.sub(r"\W", "_", key).lower()


def _joined(before: Any, flags: Any) -> Any:
    """Flags of two sources: each of them is a setting of its own."""
    if not (isinstance(before, dict) and isinstance(flags, dict)):
        return flags
    names = {flag_name(str(key)) for key in flags}
    return {k: v for k, v in before.items() if flag_name(str(k)) not in names} | flags


def _from_project(project: Path, problems: list[str]) -> dict[str, Any]:
    file = project / "pyproject.toml"
    if not file.exists():
        return {}
    try:
        tool = tomllib.loads(file.read_text()).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file}: {error}")
        return {}
    return dict(tool.get("reactive", {}))


def _from_environment(problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    flags: dict[str, str] = {}
    for variable, text in os.environ.items():
        if not variable.startswith(_PREFIX):
            continue
        if variable.startswith(_FLAG_PREFIX):
            flags[variable.removeprefix(_FLAG_PREFIX).lower()] = text
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name in _JSON_SETTINGS:
            try:
                found[name] = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                problems.append(f"{variable} is not JSON: {error}")
        else:
            found[name] = text
    if flags:
        found["flags"] = _joined(found.get("flags", {}), flags)
    return found
