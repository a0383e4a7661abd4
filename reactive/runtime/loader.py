"""Imports a project's `schema.py` and `functions/`; the only place that imports an author's
code."""

import hashlib
import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.errors import ProjectError, ReactiveError
from reactive.limits import Limits
from reactive.runtime.codec import Encoder
from reactive.runtime.crons import Cron, Crons
from reactive.runtime.document import AnyDocument, Document, current_case
from reactive.runtime.execution import print_and_log
from reactive.runtime.function import Function, Kind
from reactive.runtime.http import HttpRouter
from reactive.runtime.progress import Progress
from reactive.runtime.registry import FunctionRegistry
from reactive.runtime.runner import Project
from reactive.runtime.scheduler import wire_arguments
from reactive.runtime.schema import Schema
from reactive.runtime.schema_check import SchemaCheck
from reactive.runtime.shape import shape_of
from reactive.runtime.sockets import SocketRouter
from reactive.storage.interface import SchemaChange

_log = logging.getLogger("reactive")

_OWNER = "__reactive_project__"

T = TypeVar("T")


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
    known = set(sys.modules)
    try:
        return _load(folder, case, known)
    except BaseException:
        _claim(folder, known)
        _forget(folder)
        sys.modules.update(previous)
        raise
    finally:
        sys.dont_write_bytecode = writes_bytecode
        current_case.reset(token)


def _load(folder: Path, case: str, known: set[str]) -> Project:
    if not (folder / "functions" / "__init__.py").exists():
        # Without the file, a package of the same name elsewhere on the path would win.
        package = ModuleType("functions")
        package.__path__ = [str(folder / "functions")]
        sys.modules["functions"] = package
    schema_module = _import(folder, "schema") if (folder / "schema.py").exists() else None
    classes = list(_document_classes(schema_module)) if schema_module is not None else []
    modules = dict(_function_modules(folder))
    _claim(folder, known)
    functions = [
        (module_path, name, function)
        for module_path, module in modules.items()
        for name, function in _functions_of(module)
    ]
    for module in _modules_of(folder).values():
        # What a function prints is shown to its caller, too.
        vars(module).setdefault("print", print_and_log)
    http = _declared(modules, "http", HttpRouter)
    crons = tuple(_declared(modules, "crons", Crons) or ())
    sockets = _declared(modules, "socketio", SocketRouter)
    try:
        registry = FunctionRegistry(functions, case)
        encoder = Encoder(case)
        for cron in crons:
            _check_cron(cron, registry, encoder)
        schema = Schema(classes, case)
        return Project(registry, schema, encoder, crons, http, _modules_of(folder), sockets)
    except ReactiveError as error:
        raise ProjectError(error.message) from error


def _declared(modules: Mapping[str, ModuleType], name: str, kind: type[T]) -> T | None:
    """What `functions/NAME.py` calls NAME; None where there is no such file.

    Raises:
        ProjectError: when the file is there and does not say.
    """
    if name not in modules:
        return None
    value = getattr(modules[name], name, None)
    if not isinstance(value, kind):
        raise ProjectError(
            f"functions/{name}.py must have `{name} = {kind.__name__}()`, but {name} is {value!r}"
        )
    return value


def _check_cron(cron: Cron, registry: FunctionRegistry, encoder: Encoder) -> None:
    try:
        definition = registry.refer(cron.function, Kind.MUTATION, Kind.ACTION)
        definition.signature.arguments(cron.args)
        wire_arguments(definition, cron.args, encoder)
    except ReactiveError as error:
        raise ProjectError(f"functions/crons.py: the job {cron.name!r}: {error.message}") from error


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
        yield "/".join(parts), _import(folder, ".".join(("functions", *parts)))


def _functions_of(module: ModuleType) -> Iterator[tuple[str, Function[..., object]]]:
    """The functions that the module made, by their names in it.

    Raises:
        ProjectError: for one that would not be served, as something else was put around it.
    """
    for name, value in vars(module).items():
        if isinstance(value, Function):
            if value.module == module.__name__:
                yield name, value
        elif isinstance(inner := getattr(value, "__wrapped__", None), Function):
            raise ProjectError(
                f"{module.__name__}: another decorator stands above the {inner.kind.value.lower()} "
                f"{name}; put it below"
            )


def _modules_of(folder: Path) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in list(sys.modules.items())
        if _is_below(getattr(module, "__file__", None), folder)
        or _is_namespace(module, folder)
        or getattr(module, _OWNER, None) == folder
    }


def _claim(folder: Path, known: set[str]) -> None:
    """Marks what the project imported from its own folder, helpers in other packages too.

    They are imported anew with it, as they hold on to its classes, and no other project that has
    modules of the same names finds them. `known` was there before.
    """
    for name, module in list(sys.modules.items()):
        if name not in known and name.partition(".")[0] != "reactive":
            file = getattr(module, "__file__", None)
            places = [file] if file is not None else list(getattr(module, "__path__", ()))
            if any(_is_own(place, folder) for place in places):
                setattr(module, _OWNER, folder)


def _is_own(place: str, folder: Path) -> bool:
    path = Path(place)
    if not path.is_relative_to(folder):
        return False
    parts = path.relative_to(folder).parts
    return "site-packages" not in parts and not any(part.startswith(".") for part in parts)


def _is_below(file: str | None, folder: Path) -> bool:
    # Nearly all modules of the process are elsewhere, and paths take long to compare.
    if file is None or not file.startswith(str(folder)):
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
        is_named = name in ("schema", "functions") or name.startswith("functions.")
        if is_named or hasattr(module, _OWNER):
            dropped[name] = module
    for name in dropped:
        del sys.modules[name]
    return dropped


async def install(
    project: Project,
    serving: Project,
    folder: Path,
    database: Database,
    clock: Clock,
    limits: Limits,
    serve: Callable[[], None],
) -> None:
    """Puts a project in the place of the one that is being served, which goes on until then.

    Documents of tables whose shape is new are checked, new indexes filled. Then, between two
    commits, the new indexes and the project's code begin to be used: that is when `serve`, which
    must not wait, is called.

    Raises:
        ProjectError: when stored documents do not match; nothing is changed then.
        StorageError: when the store refused; nothing is changed then either.
    """
    schema = project.schema
    source = cache(partial(_source_digest, project.modules))
    shapes = {
        name: shape_of(codec.cls, schema.case, source) for name, codec in schema.codecs.items()
    }
    progress = Progress(database.store, clock, limits)
    check = SchemaCheck(schema.codecs, shapes, database, progress, clock, limits)

    def adopted() -> None:
        schema.bind(database.store)
        _show(project, folder)
        serve()

    change = SchemaChange(
        notes=check.notes,
        confirm=check.confirm,
        adopted=adopted,
        progress=partial(progress.report, "indexing"),
    )
    # What the served code imports while it runs must be of its own kind.
    _show(serving, folder)
    database.observers.append(check)
    try:
        await check.run()
        await database.define(schema.specs, change)
    finally:
        database.observers.remove(check)


def _show(project: Project, folder: Path) -> None:
    """Makes this project's modules those that an import finds."""
    _forget(folder.resolve())
    sys.modules.update(project.modules)


def _source_digest(modules: Mapping[str, ModuleType]) -> str:
    digest = hashlib.sha256()
    for name in sorted(modules):
        file = getattr(modules[name], "__file__", None)
        if file is not None and not name.startswith("functions."):
            digest.update(Path(file).read_bytes())
    return digest.hexdigest()
