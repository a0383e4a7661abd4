"""What the commands share: a project's folder, its settings as flags, an admin's HTTP calls."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from reactive.errors import ProjectError, StorageError
from reactive.settings import Settings, load_settings
from reactive.storage.sqlite_layout import sqlite_path

_FLAGS = {
    "host": "address to listen on (127.0.0.1)",
    "port": "port to listen on (3210); 0 takes a free one",
    "store": "where data lives: sqlite:///relative/path or sqlite:////absolute/path",
    "case": "names on the wire: exact or camel",
    "public_url": "the origin that upload and file URLs carry",
    "admin_key": "a secret that lets a client call internal functions",
    "static": "a folder whose files are served at /",
    "socketio": "whether functions/socketio.py is served (true)",
    "model": "the model that answers when none is named, such as scripted/echo",
    "first_token_timeout": "seconds that a model may take to its first token (30)",
    "token_timeout": "seconds that a model may be silent between tokens (30)",
    "stream_timeout": "seconds that an answer may take as a whole (600)",
    "rate_limit": "messages that a user may send a minute (120); 0 is off",
    "thread_rate_limit": "messages that a thread may get a minute (0); 0 is off",
    "response_cache": "seconds that a user's question gets the same answer again (0); 0 is off",
}
_JSON_FLAGS = {
    "auth": "trusted token issuers, as JSON",
    "allowed_origins": "browser origins that may connect, as JSON",
    "flags": "the variants that flags have from this start on, as JSON",
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


def given_flags(options: Mapping[str, Any]) -> list[str]:
    """The settings that were given, as flags for another command."""
    found: list[str] = []
    for name in (*_FLAGS, *_JSON_FLAGS):
        value = options[name]
        if value is not None:
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            found += [f"--{name.replace('_', '-')}", text]
    return found


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
    return folder, load_settings(folder, settings_of(options))


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given as flags; None for the others."""
    return {name: options[name] for name in (*_FLAGS, *_JSON_FLAGS)}


def database_file(settings: Settings, folder: Path) -> Path:
    """The file that has a project's data.

    Raises:
        ProjectError: when the data is not in a file.
    """
    url = settings.store
    path = sqlite_path(url, folder) if url.startswith("sqlite:///") else None
    if path is None:
        # The rest of the URL may have a password in it.
        kind = url.partition("/")[0]
        raise ProjectError(f"this needs a SQLite file, and the data of the store {kind} is in none")
    return path


@contextmanager
def explained_if_in_use(advice: str) -> Iterator[None]:
    """Adds advice to the error that a database is in use by a server."""
    try:
        yield
    except StorageError as error:
        if error.code != "StoreInUse":
            raise
        raise StorageError(f"{error.message}; {advice}", code=error.code) from error


def admin_session(admin_key: str | None) -> aiohttp.ClientSession:
    """An HTTP client that shows the admin key, if there is one."""
    headers = {} if admin_key is None else {"Authorization": f"Convex {admin_key}"}
    return aiohttp.ClientSession(headers=headers)
