"""The life of a schema: checked, filled, adopted, while the version before it serves."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.schema.conftest import COUNT, Edited
from tests.server import run_reactive

SMALL_POINTS = "points: Literal[0, 1, 2, 3, 4] = 1"
NEW_INDEX = '    by_points = index("points", "title")\n'
OLD_QUERY = 'ctx.db.query(Task).with_index("by_title").collect()'
NEW_QUERY = 'ctx.db.query(Task).with_index("by_points", points=1).collect()'
ONES = [f"{number:03}" for number in range(1, COUNT, 5)]


def ask_for_small_points(edited: Edited) -> None:
    edited.replace("schema.py", "points: int = 1", SMALL_POINTS)
    edited.replace("schema.py", "from reactive", "from typing import Literal\n\nfrom reactive")


def ask_for_new_index(edited: Edited) -> None:
    title = '    by_title = index("title")\n'
    edited.replace("schema.py", title, title + NEW_INDEX)
    edited.replace("functions/tasks.py", OLD_QUERY, NEW_QUERY)


def index_numbers(store: Path) -> tuple[set[int], set[int]]:
    """The indexes that have entries in the file, and those that its tables have."""
    with sqlite3.connect(store) as connection:
        used = {number for (number,) in connection.execute("SELECT DISTINCT i FROM entries")}
        known = {
            number
            for (number,) in connection.execute(
                "SELECT value ->> 0 FROM tables, json_each(tables.indexes)"
            )
        }
    connection.close()
    return used, known


async def test_a_write_that_breaks_only_the_pending_schema_ends_the_reload(edited: Edited) -> None:
    await edited.filled()
    client = await edited.start("dev", hold="checking")
    titles = await client.subscribe("tasks:titles")
    ask_for_small_points(edited)
    await edited.output("held checking tasks")
    # The live app takes it, and shows it.
    breaking = await client.run("tasks:add", {"title": "zzz", "points": 9})
    await client.result_becomes(titles, lambda result: result.value[-1] == "zzz")
    assert "reloaded" not in edited.server.output
    edited.release()
    await edited.output("not reloaded")
    output = await edited.output("reactive: error")
    for part in ("table tasks", breaking, "field points", "has 9"):
        assert part in output
    await client.run("tasks:add", {"title": "zzzz", "points": 10})
    await client.result_becomes(titles, lambda result: result.value[-1] == "zzzz")


async def test_a_write_that_is_taken_back_has_ended_the_reload_all_the_same(
    edited: Edited,
) -> None:
    await edited.filled()
    client = await edited.start("dev", hold="checking")
    ask_for_small_points(edited)
    await edited.output("held checking tasks")
    breaking = await client.run("tasks:add", {"title": "000", "points": 9})
    await client.run("tasks:delete", {"task": breaking})
    edited.release()
    output = await edited.output("reactive: error")
    assert breaking in output


async def test_a_write_during_the_check_that_fits_is_no_obstacle(edited: Edited) -> None:
    await edited.filled()
    client = await edited.start("dev", hold="checking")
    ask_for_small_points(edited)
    await edited.output("held checking tasks")
    task = await client.run("tasks:add", {"title": "new", "points": 3})
    edited.release()
    await edited.output("reloaded after")
    # The new schema is in force.
    assert "points" in await client.fail("tasks:change", {"task": task, "points": 9})


async def test_live_queries_are_answered_while_an_index_is_filled(edited: Edited) -> None:
    await edited.filled()
    client = await edited.start("dev", hold="indexing")
    titles = await client.subscribe("tasks:titles")
    ask_for_new_index(edited)
    await edited.output("held indexing tasks")
    before = client.results[titles].value
    added = []
    for number in range(20):
        added.append(await client.run("tasks:add", {"title": f"x{number:02}"}))
        await client.value_becomes(titles, [*before, *(f"x{n:02}" for n in range(number + 1))])
    await client.run("tasks:change", {"task": added[0], "points": 2})
    await client.run("tasks:delete", {"task": added[1]})
    # All of this was pushed before the new code serves.
    assert "reloaded" not in edited.server.output
    assert len(client.history[titles]) >= 21
    edited.release()
    await client.value_becomes(titles, [*ONES, *(f"x{number:02}" for number in range(2, 20))])
    await edited.output("reloaded after")
    await client.run("tasks:add", {"title": "000"})
    await client.result_becomes(titles, lambda result: result.value[0] == "000")


async def test_a_crash_in_the_middle_leaves_no_half_index(edited: Edited) -> None:
    await edited.filled()
    client = await edited.start("dev", hold="indexing")
    ask_for_new_index(edited)
    await edited.output("held indexing tasks")
    await client.run("tasks:add", {"title": "durable"})
    await client.drop()
    await asyncio.to_thread(edited.server.kill)
    used, known = index_numbers(edited.store)
    assert len(used - known) == 1, "the crash has left a part of the new index"
    edited.release()
    client = await edited.start("serve")
    result = await client.query("tasks:titles")
    assert result.value == [*ONES, "durable"]
    await edited.stop()
    used, known = index_numbers(edited.store)
    assert used <= known


async def test_entries_of_dropped_indexes_are_removed(edited: Edited) -> None:
    await edited.filled()
    client = await edited.start("dev")
    before, _ = index_numbers(edited.store)
    edited.replace("functions/tasks.py", '.with_index("by_title")', "")
    await edited.output("reloaded after")
    edited.replace("schema.py", '    by_title = index("title")\n', "")
    await edited.output("reloaded after", count=2)
    await client.run("tasks:add", {"title": "later"})
    async with asyncio.timeout(20):
        while True:
            used, known = await asyncio.to_thread(index_numbers, edited.store)
            if used <= known:
                break
            await asyncio.sleep(0.02)
    assert len(before - used) == 1


async def test_only_tables_that_changed_are_checked(edited: Edited) -> None:
    await edited.filled()
    await edited.start("dev")
    edited.replace("functions/tasks.py", "VERSION = 1", "VERSION = 2")
    await edited.output("reloaded after")
    edited.replace("schema.py", "body: str", "body: str | None")
    await edited.output("reloaded after", count=2)
    assert "checking tasks" not in edited.server.output
    edited.replace("schema.py", "points: int = 1", "points: int | str = 1")
    await edited.output("reloaded after", count=3)
    await edited.output(rf"checking tasks: \d+ of {COUNT} documents")


async def test_a_database_of_another_version_is_checked_in_full(edited: Edited) -> None:
    """Of a version that had no class for the table, and so wrote what it liked."""
    await edited.filled()
    edited.replace("schema.py", 'Note(Document, table="notes")', 'Note(Document, table="others")')
    edited.replace("functions/tasks.py", "ctx.db.insert(Note(body=body))", "insert(ctx, body)")
    edited.replace(
        "functions/tasks.py",
        "@mutation\nasync def note",
        "async def insert(ctx, body):\n"
        '    return await ctx.db.insert("notes", {"text": body})\n\n\n'
        "@mutation\nasync def note",
    )
    client = await edited.start("serve")
    wrong = await client.run("tasks:note", {"body": "no body"})
    await edited.stop()
    edited.replace("schema.py", 'table="others"', 'table="notes"')
    ended = await asyncio.to_thread(
        run_reactive,
        *("serve", "--project", str(edited.project), "--port", "0"),
        *("--store", edited.server.store),
    )
    assert ended.returncode == 1
    for part in ("table notes", wrong, "field body", "missing"):
        assert part in ended.stderr
    assert "Serving" not in ended.stdout


@pytest.mark.parametrize("command", ["serve", "dev"])
async def test_a_start_can_be_stopped_while_documents_are_checked(
    edited: Edited, command: str
) -> None:
    await edited.filled()
    ask_for_small_points(edited)
    server = edited.new_server("serve" if command == "serve" else "dev", hold="checking")
    await asyncio.to_thread(server.launch)
    await edited.output("held checking tasks")
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in server.output
    assert "Serving" not in server.output


@pytest.mark.parametrize("work", ["checking", "indexing"])
async def test_a_server_can_be_stopped_while_it_reloads(edited: Edited, work: str) -> None:
    await edited.filled()
    client = await edited.start("dev", hold=work)
    if work == "checking":
        ask_for_small_points(edited)
    else:
        ask_for_new_index(edited)
    await edited.output(f"held {work} tasks")
    await client.run("tasks:add", {"title": "last"})
    await edited.stop()
    assert "Traceback" not in edited.server.output
    edited.release()
    client = await edited.start("serve")
    result = await client.query("tasks:titles")
    assert "last" in result.value


async def test_edits_during_a_reload_wait_for_its_end(edited: Edited) -> None:
    await edited.filled()
    client = await edited.start("dev", hold="checking")
    version = await client.subscribe("tasks:version")
    ask_for_small_points(edited)
    await edited.output("held checking tasks")
    edited.replace("functions/tasks.py", "VERSION = 1", "VERSION = 2")
    edited.replace("functions/tasks.py", "VERSION = 2", "VERSION = 3")
    await client.run("tasks:add", {"title": "served meanwhile"})
    assert client.results[version].value == 1
    edited.release()
    await client.value_becomes(version, 3)
    await edited.output("reloaded after", count=2)


async def test_code_that_is_served_imports_its_own_kind_during_a_reload(edited: Edited) -> None:
    """An import inside a function finds the classes that the function was written for."""
    edited.replace(
        "functions/tasks.py",
        "async def add(ctx: MutationCtx, title: str, points: int = 1) -> Id[Task]:\n",
        "async def add(ctx: MutationCtx, title: str, points: int = 1) -> Id[Task]:\n"
        "    from schema import Task\n\n",
    )
    await edited.filled()
    client = await edited.start("dev", hold="checking")
    ask_for_small_points(edited)
    await edited.output("held checking tasks")
    await client.run("tasks:add", {"title": "mine", "points": 9})
    edited.release()
    await edited.output("not reloaded")
    await client.run("tasks:add", {"title": "still mine", "points": 9})
