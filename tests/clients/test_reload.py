"""`reactive dev`: the code changes under open sockets, and nothing is lost.

Every test edits its own copy of the small app and watches through one socket, which must live to
the end of the test.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.conftest import Connect
from tests.server import APPS, ServerProcess
from tests.sync_client import SyncClient


class Edited:
    """A running copy of the app, and a client of it."""

    def __init__(self, project: Path, server: ServerProcess, client: SyncClient) -> None:
        self.project = project
        self.server = server
        self.client = client

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    async def output(self, pattern: str) -> str:
        return await asyncio.to_thread(self.server.wait_for_output, pattern)


@pytest.fixture
async def edited(tmp_path: Path, connect: Connect) -> AsyncIterator[Edited]:
    project = tmp_path / "app"
    shutil.copytree(APPS / "reload", project, ignore=shutil.ignore_patterns("__pycache__"))
    server = ServerProcess(project, tmp_path / "data.sqlite3", command="dev")
    with server:
        client = await connect(server.sync_url)
        yield Edited(project, server, client)
        # The socket of before the edits is still the same one.
        await client.catch_up()
        await client.close()


async def test_live_query_runs_again_with_new_code(edited: Edited) -> None:
    query = await edited.client.subscribe("tasks:greeting")
    # Texts of one length within a second: neither size nor time of the file may be trusted.
    for old, new in (("old", "new"), ("new", "odd"), ("odd", "one")):
        edited.replace("functions/tasks.py", f'"{old}"', f'"{new}"')
        await edited.client.value_becomes(query, new)
    values = [result.value for result in edited.client.history[query]]
    assert values == ["old", "new", "odd", "one"]


async def test_unchanged_result_is_not_sent_again(edited: Edited) -> None:
    titles = await edited.client.subscribe("tasks:titles")
    greeting = await edited.client.subscribe("tasks:greeting")
    edited.replace("functions/tasks.py", '"old"', '"new"')
    await edited.client.value_becomes(greeting, "new")
    assert len(edited.client.history[titles]) == 1


async def test_new_module_is_served(edited: Edited) -> None:
    query = await edited.client.subscribe("extra:hello")
    assert edited.client.results[query].error is not None
    (edited.project / "functions" / "extra.py").write_text(
        "from reactive import QueryCtx, query\n\n\n"
        "@query\nasync def hello(ctx: QueryCtx) -> str:\n    return 'hello'\n"
    )
    await edited.client.value_becomes(query, "hello")
    (edited.project / "functions" / "extra.py").unlink()
    await edited.client.result_becomes(query, lambda result: result.error is not None)


async def test_folder_that_is_made_later_is_watched_like_any_other(edited: Edited) -> None:
    query = await edited.client.subscribe("rooms/extra:hello")
    module = edited.project / "functions" / "rooms" / "extra.py"
    module.parent.mkdir()
    code = (
        "from reactive import QueryCtx, query\n\n\n"
        "@query\nasync def hello(ctx: QueryCtx) -> str:\n    return 'hello'\n"
    )
    module.write_text(code)
    await edited.client.value_becomes(query, "hello")
    module.write_text(code.replace("'hello'", "'later'"))
    await edited.client.value_becomes(query, "later")


async def test_removed_function_fails_its_live_queries(edited: Edited) -> None:
    query = await edited.client.subscribe("tasks:greeting")
    edited.replace("functions/tasks.py", "async def greeting(", "async def welcome(")
    result = await edited.client.result_becomes(query, lambda result: result.error is not None)
    assert result.error is not None
    assert "Could not find public function for 'tasks:greeting'" in result.error
    edited.replace("functions/tasks.py", "async def welcome(", "async def greeting(")
    await edited.client.value_becomes(query, "old")


@pytest.mark.parametrize("module", ["words", "library.words", "functions._library.words"])
async def test_helper_module_reloads_what_imports_it(edited: Edited, module: str) -> None:
    query = await edited.client.subscribe("tasks:greeting")
    file = (edited.project / module.replace(".", "/")).with_suffix(".py")
    file.parent.mkdir(exist_ok=True)
    file.write_text('WORD = "from a helper"\n')
    edited.replace(
        "functions/tasks.py", 'GREETING = "old"', f"from {module} import WORD as GREETING"
    )
    await edited.client.value_becomes(query, "from a helper")
    file.write_text('WORD = "changed"\n')
    await edited.client.value_becomes(query, "changed")


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("async def greeting", "async deff greeting", "SyntaxError"),
        ("from schema import Task", "from schema import Tusk", "Tusk"),
        ("async def greeting(ctx: QueryCtx)", "async def greeting(ctx: Nothing)", "Nothing"),
    ],
)
async def test_broken_code_is_shown_and_old_code_goes_on(
    edited: Edited, old: str, new: str, shown: str
) -> None:
    query = await edited.client.subscribe("tasks:greeting")
    titles = await edited.client.subscribe("tasks:titles")
    edited.replace("functions/tasks.py", old, new)
    output = await edited.output(shown)
    assert "tasks.py" in output or "tasks" in output
    await edited.client.run("tasks:add", {"title": "served by the old code"})
    await edited.client.value_becomes(titles, ["served by the old code"])
    assert len(edited.client.history[query]) == 1
    edited.replace("functions/tasks.py", new, old)
    edited.replace("functions/tasks.py", '"old"', '"repaired"')
    await edited.client.value_becomes(query, "repaired")


async def test_job_that_is_too_large_is_refused_and_code_is_reloaded_after_it(
    edited: Edited,
) -> None:
    query = await edited.client.subscribe("tasks:greeting")
    crons = edited.project / "functions" / "crons.py"
    crons.write_text(
        "from datetime import timedelta\n\nfrom functions import tasks\n"
        "from reactive import Crons\n\n"
        "crons = Crons()\n"
        "crons.interval('a', timedelta(hours=1), tasks.add, title='x' * 5_000_000)\n"
    )
    await edited.output("limit")
    await edited.output("not reloaded")
    crons.unlink()
    edited.replace("functions/tasks.py", '"old"', '"repaired"')
    await edited.client.value_becomes(query, "repaired")


async def test_schema_that_breaks_documents_is_refused(edited: Edited) -> None:
    """With the table, the id, the field and the reason; the old schema stays in force."""
    task = await edited.client.run("tasks:add", {"title": "old"})
    titles = await edited.client.subscribe("tasks:titles")
    edited.replace("schema.py", "points: int = 1", "points: str = ''")
    output = await edited.output(task)
    for part in ("tasks", "points", "string"):
        assert part in output
    await edited.client.run("tasks:add", {"title": "still served"})
    await edited.client.value_becomes(titles, ["old", "still served"])
    edited.replace("schema.py", "points: str = ''", "points: float = 1.5")
    edited.replace("functions/tasks.py", '"old"', '"repaired"')
    query = await edited.client.subscribe("tasks:greeting")
    await edited.client.value_becomes(query, "repaired")


async def test_new_index_is_filled_with_what_is_there(edited: Edited) -> None:
    for title in ("b", "c", "a"):
        await edited.client.run("tasks:add", {"title": title})
    edited.replace(
        "schema.py",
        '    by_title = index("title")\n',
        '    by_title = index("title")\n    by_points = index("points", "title")\n',
    )
    edited.replace(
        "functions/tasks.py",
        "await ctx.db.query(Task).collect()",
        'await ctx.db.query(Task).with_index("by_points", points=1).collect()',
    )
    query = await edited.client.subscribe("tasks:titles")
    await edited.client.value_becomes(query, ["a", "b", "c"])
    await edited.client.run("tasks:add", {"title": "aa"})
    await edited.client.value_becomes(query, ["a", "aa", "b", "c"])


async def test_edit_in_the_middle_of_a_load_loses_nothing(edited: Edited) -> None:
    titles = await edited.client.subscribe("tasks:titles")
    greeting = await edited.client.subscribe("tasks:greeting")
    requests = [
        await edited.client.request("Mutation", "tasks:add", {"title": str(number)})
        for number in range(100)
    ]
    edited.replace("functions/tasks.py", '"old"', '"new"')
    for request in requests:
        assert (await edited.client.settle(request))["success"]
    await edited.client.value_becomes(titles, [str(number) for number in range(100)])
    await edited.client.value_becomes(greeting, "new")
