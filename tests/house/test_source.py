"""Rules of the house that a reader of the source can check, and so a test can, too.

What imports what is import-linter's business (`make lint`); here is what its contracts cannot say.
"""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import reactive
from reactive import errors
from reactive.engine.committer import Committer
from reactive.engine.database import Database
from reactive.engine.subscriptions import SubscriptionIndex
from reactive.limits import Limits
from reactive.runtime.live import LiveQuery, QueryWatch
from reactive.session.rounds import Rounds
from reactive.session.state import SyncSession
from reactive.session.worker import SessionWorker

PACKAGE = Path(reactive.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 500


def name_of(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


def imports(module: Path) -> Iterator[str]:
    """The module that each import of a file names, whether or not it runs at import time."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(module)}: a relative import"
            yield node.module or ""


def test_nobody_inside_imports_the_front_door() -> None:
    assert [] == [name_of(each) for each in MODULES if "reactive" in set(imports(each))]


def test_app_is_loaded_by_name_only() -> None:
    found = {(name_of(each), name.partition(".")[0]) for each in MODULES for name in imports(each)}

    assert [] == sorted(pair for pair in found if pair[1] in ("schema", "functions"))


def test_modules_are_short() -> None:
    assert {} == {
        name_of(each): lines
        for each in MODULES
        if (lines := each.read_text().count("\n")) > LINES_MAX
    }


def test_modules_say_what_lives_in_them() -> None:
    texts = {name_of(each): each.read_text() for each in MODULES if each.name != "__main__.py"}

    assert [] == [
        name for name, text in texts.items() if text and ast.get_docstring(ast.parse(text)) is None
    ]


def test_paths_of_a_machine_are_nowhere() -> None:
    machine = re.compile(r"(?<![\w/.])/(home|work|root)/")

    assert [] == [name_of(each) for each in MODULES if machine.search(each.read_text())]


NAMES = """
    ActionCtx ApplicationError Crons Document HttpRouter Id Identity Int64 MutationCtx
    PaginationOptions PaginationResult QueryCtx Room Socket SocketRouter UNSET Unset VectorHit
    action cors create_app index internal_action internal_mutation internal_query mutation
    query search_index vector_index
"""


def test_front_door_is_as_it_was() -> None:
    """Authors' code names these; none may go, and a new one is a decision."""
    assert sorted(NAMES.split()) == sorted(reactive.__all__)
    assert all(hasattr(reactive, name) for name in reactive.__all__)


def test_front_door_loads_neither_server_nor_driver() -> None:
    """A module of functions, or a script that makes documents, need not wait for them."""
    heavy = ["aiohttp", "sqlite3", "reactive.app", "reactive.wire", "reactive.storage.sqlite"]
    code = f"import reactive, sys; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == found.stdout.strip()


@pytest.mark.parametrize(
    "function",
    [
        Database.publish,
        Database.subscribe,
        Database.unsubscribe,
        Committer.submit,
        SubscriptionIndex.touched,
        LiveQuery.invalidated,
        LiveQuery.accept,
        QueryWatch.outcome,
        Rounds.enter,
        Rounds.transition,
        SyncSession.advance,
        SyncSession.modify,
        SyncSession.stale,
        SessionWorker.stale,
        SessionWorker.take_turn,
    ],
    ids=lambda function: function.__qualname__,
)
def test_what_must_be_seen_together_does_not_wait(function: Callable[..., Any]) -> None:
    """No lock is needed where nothing can come in between: see `Database.publish`."""
    assert not inspect.iscoroutinefunction(function)
    assert "await" not in inspect.getsource(function)


def test_every_limit_is_used() -> None:
    app = PACKAGE.parent / "functions"
    modules = [*MODULES, *app.glob("*.py")]
    source = "\n".join(each.read_text() for each in modules if each.name != "limits.py")
    unused = [each.name for each in fields(Limits) if f"limits.{each.name}" not in source.lower()]

    assert [] == unused


def test_every_limit_says_its_unit() -> None:
    units = ("_max", "_s", "_bytes", "_items", "_threads", "_min")

    assert [] == [each.name for each in fields(Limits) if not each.name.endswith(units)]


def test_tree_of_errors_shows_every_class() -> None:
    tree = errors.__doc__ or ""
    classes = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    ]

    assert len(classes) >= 10
    assert [] == [name for name in classes if name not in tree]
