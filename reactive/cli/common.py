"""What the commands share: a project's folder, its settings as flags, an admin's HTTP calls."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from reactive.errors import ProjectError
from reactive.settings import Settings, load_settings

_FLAGS = {
    "host": "address to listen on (127.0.0.1)",
    "port": "port to listen on (3210); 0 takes a free one",
    "store": "where data lives: sqlite:///relative/path or sqlite:////absolute/path",
    "case": "names on the wire: exact or camel",
    "public_url": "the origin that upload and file URLs carry",
    "admin_key": "a secret that lets a client call internal functions",
    "static": "a folder whose files are served at /",
}
_JSON_FLAGS = {
    "auth": "trusted token issuers, as JSON",
    "allowed_origins": "browser origins that may connect, as JSON",
}

Options = dict[str, Any]


def add_project_flags(command: argparse.ArgumentParser) -> None:
    """Gives a command `--project` and a flag for each setting."""
    command.add_argument(
        "--project", type=Path, default=Path(), help="folder of the app (the current one)"
    )
    for name, text in _FLAGS.items():
        command.add_argument(f"--{name.replace('_', '-')}", help=text)
    for name, text in _JSON_FLAGS.items():
        command.add_argument(f"--{name.replace('_', '-')}", type=_json, help=text)


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error


def project_of(options: Mapping[str, Any]) -> tuple[Path, Settings]:
    """The app's folder and its settings.

    Raises:
        ProjectError: when there is no such folder, or a setting is wrong.
    """
    folder = Path(options["project"]).resolve()
    if not folder.is_dir():
        raise ProjectError(f"there is no folder {folder}")
    given = {name: options[name] for name in (*_FLAGS, *_JSON_FLAGS)}
    return folder, load_settings(folder, given)


def admin_session(admin_key: str | None) -> aiohttp.ClientSession:
    """An HTTP client that shows the admin key, if there is one."""
    headers = {} if admin_key is None else {"Authorization": f"Convex {admin_key}"}
    return aiohttp.ClientSession(headers=headers)
