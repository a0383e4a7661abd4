"""Front ends against generated files: what compiles, what does not, and what runs."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.codegen.conftest import APP, SOURCES, FrontEnd
from tests.scripts import Report, check_names, node, run_script
from tests.server import APPS, ServerProcess

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "tests" / "clients" / "js" / "harness.mjs"
SCRIPT = SOURCES / "round_trip.mjs"


def add_sources(front_end: FrontEnd, *names: str) -> None:
    for name in names:
        shutil.copy(SOURCES / name, front_end.source)


def test_right_lines_compile_and_wrong_ones_do_not(front_end: FrontEnd) -> None:
    """Wrong lines are marked in the source, and a mark without an error is an error."""
    front_end.generate(APP)
    add_sources(front_end, "right.tsx", "wrong.tsx")

    assert "" == front_end.compile()


def test_every_mark_of_a_wrong_line_counts(front_end: FrontEnd) -> None:
    front_end.generate(APP)
    text = (SOURCES / "wrong.tsx").read_text()
    (front_end.source / "wrong.tsx").write_text(text.replace("@ts-expect-error", ""))
    wrong = {line.partition("(")[2].partition(",")[0] for line in front_end.compile().splitlines()}

    assert text.count("@ts-expect-error") >= 40
    assert text.count("@ts-expect-error") == len([each for each in wrong if each.isdigit()])


@pytest.mark.parametrize("module", ["NodeNext", "Node16"])
def test_module_resolution_of_node(front_end: FrontEnd, module: str) -> None:
    front_end.generate(APP)
    (front_end.source / "main.ts").write_text(
        'import { ConvexHttpClient } from "convex/browser";\n'
        'import { api } from "../convex/_generated/api.js";\n'
        'import type { Doc } from "../convex/_generated/dataModel.js";\n'
        'const client = new ConvexHttpClient("http://127.0.0.1");\n'
        'export const found: Promise<Doc<"messages"> | null> ='
        " client.query(api.messages.default);\n"
    )

    assert "" == front_end.compile(module=module, moduleResolution=module)


def test_strictest_options(front_end: FrontEnd) -> None:
    front_end.generate(APP)
    add_sources(front_end, "right.tsx")

    assert "" == front_end.compile(
        exactOptionalPropertyTypes=True,
        noUncheckedIndexedAccess=True,
        verbatimModuleSyntax=True,
        isolatedModules=True,
        allowJs=True,
        checkJs=True,
    )


@pytest.mark.parametrize(
    ("project", "call"),
    [
        (
            ROOT,
            'api.messages.send, { threadId: id("threads"), prompt: "Hi", clientMessageId: "1" }',
        ),
        (
            APPS / "camel",
            "api.chatRooms.roomFunctions.createRoom,"
            ' { roomName: "a", createdBy: "b", readMark: { lastSeen: 1 } }',
        ),
        (APPS / "lab", 'api.counters.add, { name: "a", by: 1 }'),
        (
            ROOT / "examples" / "hello",
            'api.messages.send, { channel: "a", author: "b", body: "c" }',
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_other_apps(front_end: FrontEnd, project: Path, call: str) -> None:
    front_end.generate(project)
    (front_end.source / "main.ts").write_text(
        'import { ConvexHttpClient } from "convex/browser";\n'
        'import { api } from "../convex/_generated/api";\n'
        'import type { Id, TableNames } from "../convex/_generated/dataModel";\n'
        "export const id = <T extends TableNames>(table: T) => table as string as Id<T>;\n"
        'const client = new ConvexHttpClient("http://127.0.0.1");\n'
        f"void client.mutation({call});\n"
        "// @ts-expect-error: there is no such function\n"
        "void client.mutation(api.messages.nothing);\n"
    )

    assert "" == front_end.compile()
    assert "" == front_end.badly_formatted()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """One run of the script against a server of the app."""
    folder = tmp_path_factory.mktemp("round_trip")
    front_end = FrontEnd(folder / "front_end")
    front_end.generate(APP)
    add_sources(front_end, SCRIPT.name)
    shutil.copy(HARNESS, front_end.source)
    with ServerProcess(APP, folder / "data.sqlite3") as server:
        yield asyncio.run(
            run_script(
                node(front_end.source / SCRIPT.name),
                cwd=front_end.folder,
                env={"SERVER_URL": server.url},
            )
        )


@pytest.mark.parametrize("check", check_names(SCRIPT))
def test_server_does_what_types_promise(report: Report, check: str) -> None:
    report.expect(check)
