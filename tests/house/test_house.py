"""The rules of the house that no linter knows."""

import argparse
import inspect
import re
from dataclasses import fields
from pathlib import Path

import reactive
from reactive.cli import _parser
from reactive.engine.database import Database
from reactive.limits import Limits
from reactive.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text() for path in (ROOT / "reactive").rglob("*.py")}
README = (ROOT / "README.md").read_text()
LINES_MAX = 500


def test_nobody_inside_imports_the_front_door() -> None:
    front_door = re.compile(r"^\s*(from reactive import|import reactive$)", re.MULTILINE)
    assert [] == [path.name for path, text in SOURCES.items() if front_door.search(text)]


def test_the_engine_never_imports_an_app() -> None:
    an_app = re.compile(r"^\s*(from|import) (functions|schema)\b", re.MULTILINE)
    assert [] == [path.name for path, text in SOURCES.items() if an_app.search(text)]


def test_modules_stay_small() -> None:
    """The conformance suite is one file on purpose: a store inherits all of it."""
    long = {
        path.name
        for path, text in SOURCES.items()
        if text.count("\n") > LINES_MAX and path.name != "store_suite.py"
    }
    assert set() == long


def test_what_authors_import_is_frozen() -> None:
    assert sorted(reactive.__all__) == sorted(
        [
            "UNSET", "ActionCtx", "ApplicationError", "Document", "Id", "Identity", "Int64",
            "MutationCtx", "PaginationOptions", "PaginationResult", "QueryCtx", "Unset", "action",
            "create_app", "index", "internal_action", "internal_mutation", "internal_query",
            "mutation", "query", "search_index", "vector_index",
        ]
    )  # fmt: skip
    assert all(hasattr(reactive, name) for name in reactive.__all__)


def test_publish_never_waits() -> None:
    """Nobody may see the log moved and the subscriptions not yet woken."""
    assert not inspect.iscoroutinefunction(Database.publish)
    assert "await" not in inspect.getsource(Database.publish)


def test_every_limit_is_used() -> None:
    text = "".join(text for path, text in SOURCES.items() if path.name != "limits.py")
    assert [] == [each.name for each in fields(Limits) if not re.search(rf"\.{each.name}\b", text)]


def test_readme_names_every_command_and_setting() -> None:
    commands = next(
        action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)
    ).choices
    assert [] == [name for name in commands if f"reactive {name}" not in README]
    assert [] == [name for name in Settings.model_fields if f"`{name}`" not in README]


def test_paths_of_a_machine_are_nowhere() -> None:
    machine = re.compile(r"(?<![\w/.])/(home|work|root)/")
    assert [] == [path.name for path, text in SOURCES.items() if machine.search(text)]
