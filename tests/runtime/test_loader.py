"""Importing a project: what is found, what is refused, and what stays when it is imported anew."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reactive.errors import ProjectError
from reactive.runtime.loader import load_project
from reactive.runtime.system_tables import SYSTEM_TABLES
from reactive.storage.memory import MemoryStore
from tests.runtime.harness import FailedError, own_modules, serving, turns
from tests.session.peers import Add

SCHEMA = """
from reactive import Document, index

class Item(Document, table="items"):
    name: str
    by_name = index("name")
"""
ITEMS = """
from reactive import MutationCtx, QueryCtx, mutation, query
from schema import Item

VERSION = 1

@query
async def version(ctx: QueryCtx) -> int:
    return VERSION

@query
async def names(ctx: QueryCtx) -> list[str]:
    return [item.name for item in await ctx.db.query(Item).collect()]

@mutation
async def add(ctx: MutationCtx, name: str) -> str:
    return await ctx.db.insert(Item(name=name))
"""
HELLO = """
from reactive import QueryCtx, query

@query
async def hello(ctx: QueryCtx) -> str:
    return "hello"
"""


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


def write(folder: Path, **files: str) -> Path:
    """A project: `schema`, and modules by their path below `functions` with `__` for a slash."""
    for name, text in files.items():
        path = Path("schema.py") if name == "schema" else Path("functions", *name.split("__"))
        file = (folder / path).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        # Two writes within the clock's resolution would else share one cached bytecode.
        for cached in file.parent.glob(f"__pycache__/{file.stem}.*"):
            cached.unlink()
    return folder


def paths(folder: Path, case: str = "exact") -> set[str]:
    return {definition.path for definition in load_project(folder, case).registry}


# What is found


def test_functions_of_all_modules_are_found(tmp_path: Path) -> None:
    write(tmp_path, schema=SCHEMA, items=ITEMS, chat__rooms=HELLO, chat__more__deep=HELLO)

    assert {
        "items:version",
        "items:names",
        "items:add",
        "chat/rooms:hello",
        "chat/more/deep:hello",
    } == paths(tmp_path)


def test_camel_case_spells_modules_and_functions(tmp_path: Path) -> None:
    write(tmp_path, chat_rooms__my_room=HELLO.replace("def hello", "def say_hello"))

    assert {"chatRooms/myRoom:sayHello"} == paths(tmp_path, "camel")


def test_helpers_are_not_served(tmp_path: Path) -> None:
    write(
        tmp_path,
        _private=HELLO,
        chat___hidden__rooms=HELLO,
        helper="async def plain(ctx): ...\nVALUE = 5\n",
        # A function that is imported from elsewhere is served where it was made.
        other="from functions.base import hello\n",
        base=HELLO,
    )
    (tmp_path / "functions" / "not-a-module.py").write_text("this is no Python")

    assert {"base:hello"} == paths(tmp_path)


MAKER = """
from reactive import QueryCtx, query

def lister(word: str):
    @query
    async def handler(ctx: QueryCtx) -> str:
        return word
    return handler
"""


def test_function_that_a_helper_makes_is_served_where_it_is_asked_for(tmp_path: Path) -> None:
    write(
        tmp_path,
        _maker=MAKER,
        cats="from functions._maker import lister\nnames = lister('cat')\n",
        dogs="from functions._maker import lister\nfrom functions.cats import names as cats\n"
        "names = lister('dog')\n",
    )

    assert {"cats:names", "dogs:names"} == paths(tmp_path)


def test_http_and_crons_may_have_functions_too(tmp_path: Path) -> None:
    head = "from reactive import Crons, HttpRouter\n"
    write(
        tmp_path,
        http=f"{head}http = HttpRouter()\n{HELLO}",
        crons=f"{head}crons = Crons()\n",
        chat__http=HELLO,
    )

    assert {"chat/http:hello", "http:hello"} == paths(tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("http", "HttpRouter"), ("crons", "Crons")])
def test_http_and_crons_must_say_what_they_declare(tmp_path: Path, name: str, kind: str) -> None:
    for source in (f"{name} = object()", "other = 1"):
        said = broken(tmp_path, **{name: source})

        assert f"functions/{name}.py must have `{name} = {kind}()`" in said


def test_project_may_have_neither_schema_nor_functions(tmp_path: Path) -> None:
    assert set() == paths(tmp_path)
    assert {"only:hello"} == paths(write(tmp_path, only=HELLO))


def test_modules_may_import_each_other(tmp_path: Path) -> None:
    write(
        tmp_path,
        __init__="",
        chat____init__="",
        a="from functions import b\nfrom functions.chat import c\n" + HELLO,
        b=HELLO.replace("hello", "bye"),
        chat__c=HELLO,
    )

    assert {"a:hello", "b:bye", "chat/c:hello"} == paths(tmp_path)


def test_tables_are_those_of_the_schema(tmp_path: Path) -> None:
    write(
        tmp_path,
        schema=SCHEMA + "\nclass Sub(Item):\n    pass\n\nAlias = Item\n",
        items=ITEMS,
    )
    project = load_project(tmp_path, "exact")

    specs = {spec.name: set(spec.indexes) for spec in project.schema.specs}

    assert {"items": {"by_name"}} == {n: each for n, each in specs.items() if n[0] != "_"}
    assert specs.keys() - {"items"} == SYSTEM_TABLES.keys()


# What is refused


def broken(folder: Path, **files: str) -> str:
    write(folder, **files)
    with pytest.raises(ProjectError) as caught:
        load_project(folder, "exact")
    return caught.value.message


def test_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    message = broken(tmp_path, schema=SCHEMA, bad="x = 1\ndef broken(:\n    pass\n")

    assert "functions.bad" in message
    assert "bad.py" in message
    assert "line 2" in message
    assert "def broken(:" in message


def test_error_at_import_names_file_and_line(tmp_path: Path) -> None:
    message = broken(tmp_path, chat__bad="x = 1\n\nraise ValueError('no')\n")

    assert "functions.chat.bad" in message
    assert "ValueError: no" in message
    assert f"{tmp_path}/functions/chat/bad.py:3" in message


def test_error_in_the_schema_names_it(tmp_path: Path) -> None:
    assert "cannot import schema: NameError" in broken(tmp_path, schema="Nowhere\n")


def test_module_that_exits_is_refused_like_any_other(tmp_path: Path) -> None:
    assert "SystemExit" in broken(tmp_path, bad="raise SystemExit(3)\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@query\ndef handler(ctx): ...", "bad:handler: the function must be `async def`"),
        ("@query\nasync def handler(): ...", "bad:handler: the first parameter"),
        ("@query\nasync def handler(ctx, *a): ...", "bad:handler: parameter a cannot be given"),
        ("@query\nasync def handler(ctx, a: Missing): ...", "Missing"),
    ],
)
def test_bad_function_is_named(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in broken(tmp_path, bad=f"from reactive import query\n{text}\n")


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        ('by_x = index("nowhere")', "Item.by_x names the field 'nowhere', which does not exist"),
        ("by_x = index()", "Item.by_x has no fields"),
        ('by_x = index("name", "name")', "Item.by_x names a field twice"),
        ('by_id = index("name")', "Item.by_id: the name is reserved"),
        ('by_creation_time = index("name")', "Item.by_creation_time: the name is reserved"),
        ('by_x = index("creation_time")', "creation_time ends every index"),
        ("id: str", "Item.id"),
    ],
)
@pytest.mark.filterwarnings("ignore:Field name")
def test_bad_schema_is_named(tmp_path: Path, declaration: str, reason: str) -> None:
    assert reason in broken(tmp_path, schema=SCHEMA + f"    {declaration}\n")


def test_two_classes_of_one_table_are_refused(tmp_path: Path) -> None:
    again = SCHEMA + '\nclass Again(Document, table="items"):\n    name: str\n'

    assert "two classes are the table 'items'" in broken(tmp_path, schema=again)


def test_decorator_above_a_function_is_refused(tmp_path: Path) -> None:
    logged = (
        "import functools\ndef logged(inner):\n"
        "    @functools.wraps(inner)\n    async def outer(*args): return await inner(*args)\n"
        "    return outer\n"
    )
    above = HELLO.replace("@query", "@logged\n@query")

    said = broken(tmp_path, _logs=logged, bad=f"from functions._logs import logged\n{above}")

    assert "functions.bad: another decorator stands above the query hello" in said


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"no folder .*nowhere"):
        load_project(tmp_path / "nowhere", "exact")


# Importing it anew


def test_failed_import_leaves_the_modules_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, schema=SCHEMA, items=ITEMS)
    load_project(tmp_path, "exact")
    before = {name: sys.modules[name] for name in ("schema", "functions.items")}
    write(tmp_path, items=ITEMS.replace("VERSION = 1", "VERSION = 2"), more="raise ValueError")
    with pytest.raises(ProjectError):
        load_project(tmp_path, "exact")

    assert before == {name: sys.modules[name] for name in before}
    assert all(before[name] is sys.modules[name] for name in before)
    assert "functions.more" not in sys.modules


def test_two_projects_do_not_see_each_other(tmp_path: Path) -> None:
    one = write(tmp_path / "one", schema=SCHEMA, items=ITEMS)
    two = write(tmp_path / "two", only=HELLO)

    assert {"items:version", "items:names", "items:add"} == paths(one)
    assert {"only:hello"} == paths(two)
    assert "schema" not in sys.modules
    assert {"items:version", "items:names", "items:add"} == paths(one)


def with_library(folder: Path, word: str) -> Path:
    """A project that keeps a class, and what makes one, in a package beside its functions."""
    folder.mkdir(exist_ok=True)
    write(folder, schema=SCHEMA, items=f"from lib import tools\nWORD = {word!r}\n" + ITEMS)
    (folder / "lib").mkdir(exist_ok=True)
    text = f"from schema import Item\nWORD = {word!r}\ndef make(name): return Item(name=name)\n"
    (folder / "lib" / "tools.py").write_text(text)
    return folder


def test_packages_of_the_project_are_imported_anew_with_it(tmp_path: Path) -> None:
    for word in ("first", "second"):
        load_project(with_library(tmp_path, word), "exact")

        module = sys.modules["functions.items"]
        assert module.tools.WORD == word
        assert type(module.tools.make("x")) is module.Item


def test_packages_of_another_project_are_not_found(tmp_path: Path) -> None:
    for word in ("first", "second", "first"):
        load_project(with_library(tmp_path / word, word), "exact")

        assert sys.modules["functions.items"].tools.WORD == word


async def test_reload_serves_the_new_code(tmp_path: Path) -> None:
    write(tmp_path, schema=SCHEMA, items=ITEMS)
    async with serving(tmp_path) as server:
        client = await server.client(Add("items:version", {}), Add("items:hello", {}))
        await server.mutate("items:add", name="a")

        assert 1 == client.values[0]
        assert "Could not find public function" in client.values[1]

        write(tmp_path, items=ITEMS.replace("VERSION = 1", "VERSION = 2") + HELLO)
        await server.app.reload()
        await turns()

        assert [2, "hello"] == client.values
        assert ["a"] == await server.query("items:names")


@pytest.mark.parametrize(
    "files",
    [
        {"items": "def broken(:"},
        {"schema": "raise ValueError"},
        {"schema": SCHEMA.replace("name: str", "name: str\n    age: int")},
        {"schema": SCHEMA.replace("name: str", "name: int")},
    ],
)
async def test_failed_reload_leaves_the_old_code_serving(
    tmp_path: Path, files: dict[str, str]
) -> None:
    write(tmp_path, schema=SCHEMA, items=ITEMS)
    async with serving(tmp_path) as server:
        client = await server.client(Add("items:names", {}))
        await server.mutate("items:add", name="a")
        write(tmp_path, **files)
        with pytest.raises(ProjectError):
            await server.app.reload()
        await server.mutate("items:add", name="b")
        await turns()

        assert [["a", "b"]] == client.values
        assert 1 == await server.query("items:version")


async def test_documents_that_a_schema_makes_invalid_are_named(tmp_path: Path) -> None:
    store = MemoryStore()
    write(tmp_path, schema=SCHEMA, items=ITEMS)
    async with serving(tmp_path, store=store) as server:
        document = await server.mutate("items:add", name="a")
    write(tmp_path, schema=SCHEMA.replace("name: str", "name: str\n    age: int"))
    with pytest.raises(ProjectError) as caught:
        async with serving(tmp_path, store=store):
            pytest.fail("a project whose documents do not fit must not start")

    for part in (f"the document {document}", "table items", "field age", "missing the required"):
        assert part in caught.value.message


async def test_new_index_finds_old_documents(tmp_path: Path) -> None:
    by_name = """
@query
async def by_name(ctx: QueryCtx, name: str) -> list[str]:
    rows = ctx.db.query(Item).with_index("by_new", name=name)
    return [item.name for item in await rows.collect()]
"""
    write(tmp_path, schema=SCHEMA, items=ITEMS)
    async with serving(tmp_path) as server:
        for name in "abca":
            await server.mutate("items:add", name=name)
        write(tmp_path, schema=SCHEMA.replace("by_name =", "by_new ="), items=ITEMS + by_name)
        await server.app.reload()

        assert ["a", "a"] == await server.query("items:by_name", name="a")

        await server.mutate("items:add", name="a")

        assert 3 == len(await server.query("items:by_name", name="a"))


async def test_index_that_is_gone_is_an_error_of_the_function(tmp_path: Path) -> None:
    async with serving(write(tmp_path, schema=SCHEMA, items=ITEMS, more=MISSING_INDEX)) as server:
        with pytest.raises(FailedError, match="IndexNotFoundError: table items has no index"):
            await server.query("more:search")


MISSING_INDEX = """
from reactive import QueryCtx, query

@query
async def search(ctx: QueryCtx) -> list[object]:
    return await ctx.db.query("items").with_index("by_nothing").collect()
"""


async def test_what_a_function_prints_reaches_its_caller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = HELLO.replace('return "hello"', 'print("hi", 5)\n    return "hello"')
    for is_dev in (True, False):
        async with serving(write(tmp_path, talk=talk), is_dev=is_dev) as server:
            client = await server.client(Add("talk:hello", {}))
            (told,) = client.peer.results.values()

            assert ("[LOG] 'hi' 5",) * is_dev == told.log_lines
            assert "hi 5\n" == capsys.readouterr().out
