"""The settings of a server: a project's pyproject.toml, the environment, and the caller's own."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reactive.errors import ProjectError

_PREFIX = "REACTIVE_"
_STORE = re.compile(r"sqlite:///.+|memory:")
_JSON_SETTINGS = {"auth", "allowed_origins"}


class TokenIssuer(BaseModel):
    """One trusted issuer of user tokens."""

    model_config = ConfigDict(extra="forbid")

    issuer: str
    audience: str | None = None
    jwks: str | None = None
    algorithm: Literal["RS256", "ES256"] | None = None


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

    @field_validator("store")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if not _STORE.fullmatch(url):
            raise ValueError("a store is sqlite:///relative/path or sqlite:////absolute/path")
        return url


def load_settings(project: Path, given: Mapping[str, Any]) -> Settings:
    """The settings that hold for a project.

    Raises:
        ProjectError: naming the setting that is unknown or wrong, and where it was set.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        ("pyproject.toml", _from_project(project)),
        ("the environment", _from_environment()),
        ("the call", {name: value for name, value in given.items() if value is not None}),
    ):
        for name, value in found.items():
            if name not in Settings.model_fields:
                raise ProjectError(f"unknown setting {name!r} in {source}")
            values[name] = value
            sources[name] = source
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        where = ".".join(map(str, first["loc"]))
        raise ProjectError(
            f"setting {where} in {sources.get(name, 'the call')}: {first['msg']}"
        ) from error


def _from_project(project: Path) -> dict[str, Any]:
    file = project / "pyproject.toml"
    if not file.exists():
        return {}
    try:
        tool = tomllib.loads(file.read_text()).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file}: {error}") from error
    return dict(tool.get("reactive", {}))


def _from_environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, text in os.environ.items():
        if not variable.startswith(_PREFIX):
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name in _JSON_SETTINGS:
            try:
                found[name] = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise ProjectError(f"{variable} is not JSON: {error}") from error
        else:
            found[name] = text
    return found
