"""Imports a project's `schema.py` and `functions/`; the only place that imports an author's
code."""

import hashlib
import importlib
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from reactive.engine.database import Database
from reactive.errors import ProjectError, ReactiveError
from reactive.runtime.codec import Encoder
from reactive.runtime.document import AnyDocument, Document, current_case
from reactive.runtime.execution import print_and_log
from reactive.runtime.function import Function
from reactive.runtime.registry import FunctionRegistry
from reactive.runtime.runner import Project
from reactive.runtime.schema import Schema

_log = logging.getLogger("reactive")

_SKIPPED = {"http", "crons"}
"""Modules with a meaning of their own, which is not there yet."""

_CHECKED = "checked schema"


def load_project(folder: Path, case: str) -> Project:
    """Imports the project anew.

    Modules of the folder that are imported already are dropped first, and put back when the
    import fails, so that the code that is being served stays whole.

    Raises:
        ProjectError: naming the file and what is wrong with it.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ProjectError(f"there is no folder {folder}")
    previous = _forget(folder)
    path = str(folder)
    sys.path[:] = [path, *(entry for entry in sys.path if entry != path)]
    importlib.invalidate_caches()
    token = current_case.set(case)
    writes_bytecode = sys.dont_write_bytecode
    # Compiled files are told apart by second and size, which two quick edits may share.
    sys.dont_write_bytecode = True
    try:
        return _load(folder, case)
    except BaseException:
        _forget(folder)
        sys.modules.update(previous)
        raise
    finally:
        sys.dont_write_bytecode = writes_bytecode
        current_case.reset(token)


def _load(folder: Path, case: str) -> Project:
    if not (folder / "functions" / "__init__.py").exists():
        # Without the file, a package of the same name elsewhere on the path would win.
        package = ModuleType("functions")
        package.__path__ = [str(folder / "functions")]
        sys.modules["functions"] = package
    schema_module = _import(folder, "schema") if (folder / "schema.py").exists() else None
    classes = list(_document_classes(schema_module)) if schema_module is not None else []
    functions = [
        (module_path, name, function)
        for module_path, module in _function_modules(folder)
        for name, function in vars(module).items()
        if isinstance(function, Function) and function.handler.__module__ == module.__name__
    ]
    for module in _modules_of(folder).values():
        # What a function prints is shown to its caller, too.
        vars(module).setdefault("print", print_and_log)
    try:
        return Project(FunctionRegistry(functions, case), Schema(classes, case), Encoder(case))
    except ReactiveError as error:
        raise ProjectError(error.message) from error


def _import(folder: Path, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ReactiveError as error:
        raise ProjectError(f"{name}: {error}") from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        where = "\n".join(_relevant_trace(error, folder))
        raise ProjectError(
            f"cannot import {name}: {type(error).__name__}: {error}\n{where}"
        ) from error


def _relevant_trace(error: BaseException, folder: Path) -> Iterator[str]:
    if isinstance(error, SyntaxError):
        yield from (line.rstrip() for line in traceback.format_exception_only(error))
        return
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(str(folder)):
            yield f"  {frame.filename}:{frame.lineno}: {frame.line}"


def _document_classes(module: ModuleType) -> Iterator[type[Document]]:
    seen = set()
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Document)
            and value not in (Document, AnyDocument)
            and "__table__" in vars(value)
            and value not in seen
        ):
            seen.add(value)
            yield value


def _function_modules(folder: Path) -> Iterator[tuple[str, ModuleType]]:
    root = folder / "functions"
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        if any(part.startswith(("_", ".")) or not part.isidentifier() for part in parts):
            continue
        if parts in {(name,) for name in _SKIPPED}:
            _log.warning("functions/%s.py is not served: this version has no such thing", parts[0])
            continue
        yield "/".join(parts), _import(folder, ".".join(("functions", *parts)))


def _modules_of(folder: Path) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in list(sys.modules.items())
        if _is_below(getattr(module, "__file__", None), folder) or _is_namespace(module, folder)
    }


def _is_below(file: str | None, folder: Path) -> bool:
    if file is None:
        return False
    path = Path(file)
    return path.parent == folder or path.is_relative_to(folder / "functions")


def _is_namespace(module: ModuleType, folder: Path) -> bool:
    paths = getattr(module, "__path__", None)
    return paths is not None and str(folder / "functions") in list(paths)


def _forget(folder: Path) -> dict[str, ModuleType]:
    """Drops the modules of this project, and any other project's of the same names."""
    dropped = _modules_of(folder)
    for name, module in list(sys.modules.items()):
        if name in ("schema", "functions") or name.startswith("functions."):
            dropped[name] = module
    for name in dropped:
        del sys.modules[name]
    return dropped


async def install(project: Project, database: Database, folder: Path) -> None:
    """Makes the database ready for the project's tables.

    Documents are checked only when the schema's source is not the one they were checked with.

    Raises:
        ProjectError: when stored documents do not match; nothing is changed then.
    """
    store = database.store
    fingerprint = _fingerprint(folder, project.schema.case)
    if await store.note(_CHECKED) != fingerprint:
        await project.schema.check_documents(store, database.head)
    await database.define(project.schema.specs)
    project.schema.bind(store)
    await store.set_note(_CHECKED, fingerprint)


def _fingerprint(folder: Path, case: str) -> str:
    digest = hashlib.sha256(case.encode())
    for module in sorted(_modules_of(folder).values(), key=lambda each: each.__name__):
        file = getattr(module, "__file__", None)
        is_function = module.__name__.startswith("functions.")
        if file is not None and not is_function:
            digest.update(Path(file).read_bytes())
    return digest.hexdigest()
