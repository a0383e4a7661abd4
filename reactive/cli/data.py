"""`reactive data`: what is in the database, beside a server that goes on writing."""

import argparse
import asyncio
import contextlib
import sys

import orjson
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from reactive.cli.common import Options, add_project_flags, database_file, project_of
from reactive.errors import CallError, ProjectError
from reactive.transfer.source import Source, open_source
from reactive.values.encoding import from_wire, load_json
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD

_CELL_MAX = 60
_ID_WIDTH = 32


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    data = commands.add_parser("data", help="show the tables, or the documents of one")
    data.add_argument("table", nargs="?", help="without it the tables are listed")
    data.add_argument("--limit", type=_count, default=100, help="most documents shown (100)")
    data.add_argument(
        "--order", choices=["asc", "desc"], default="desc", help="by creation time (desc)"
    )
    data.add_argument(
        "--format",
        choices=["table", "jsonl"],
        help="a table, which is for a terminal, or JSON lines, which is for anything else",
    )
    data.set_defaults(command=_data)
    add_project_flags(data)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of documents")
    return int(text)


def _data(options: Options) -> int:
    # A pipe that is closed, by `head` say, has seen what it wanted.
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_show(options))
        sys.stdout.flush()
        return 0
    sys.stdout = None
    return 0


async def _show(options: Options) -> None:
    folder, settings = project_of(options)
    is_grid = (options["format"] or ("table" if sys.stdout.isatty() else "jsonl")) == "table"
    async with open_source(database_file(settings, folder)) as source:
        if options["table"] is None:
            await _show_tables(source, is_grid=is_grid)
        else:
            await _show_documents(source, options, is_grid=is_grid)


async def _show_tables(source: Source, *, is_grid: bool) -> None:
    counts = {table.name: await source.count(table) for table in source.tables}
    if not is_grid:
        for name, count in counts.items():
            print(orjson.dumps({"table": name, "documents": count}).decode())
        return
    grid = Grid("table", "documents")
    for name, count in counts.items():
        grid.add_row(name, str(count))
    Console().print(grid)


async def _show_documents(source: Source, options: Options, *, is_grid: bool) -> None:
    table = source.table(options["table"])
    if table is None:
        known = ", ".join(each.name for each in source.tables)
        raise ProjectError(f"there is no table {options['table']!r}; there are {known}")
    rows = source.rows(table, descending=options["order"] == "desc", limit=options["limit"])
    if not is_grid:
        async for json in rows:
            print(json.decode())
        return
    documents = [load_json(json) async for json in rows]
    names = dict.fromkeys([ID_FIELD, CREATION_TIME_FIELD])
    for document in documents:
        names |= dict.fromkeys(document)
    grid = Grid(*names)
    # An id that is cut is of no use.
    grid.columns[0].no_wrap, grid.columns[0].min_width = True, _ID_WIDTH
    for document in documents:
        cells = [_cell(document[name]) if name in document else Text() for name in names]
        grid.add_row(Text(document[ID_FIELD]), *cells[1:])
    Console().print(grid)
    count = await source.count(table)
    if count > len(documents):
        print(f"{len(documents)} of {count} documents; --limit shows more")


def _cell(wire: object) -> Text:
    """A value as Python writes it, cut."""
    try:
        text = repr(from_wire(wire))
    except CallError:
        text = repr(wire)
    return Text(text if len(text) <= _CELL_MAX else text[: _CELL_MAX - 3] + "...")
