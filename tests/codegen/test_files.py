"""The files as a whole, and the command that writes them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.codegen.conftest import APP, FrontEnd
from tests.server import APPS, run_reactive

NAMES = ["api.d.ts", "api.js", "dataModel.d.ts"]
QUERY = "from reactive import query, QueryCtx\n"


def test_files_are_formatted_and_say_who_made_them(front_end: FrontEnd) -> None:
    front_end.generate(APP)

    assert NAMES == sorted(path.name for path in front_end.generated.iterdir())
    assert "" == front_end.badly_formatted()
    for name in NAMES:
        text = front_end.text(name)
        assert text.startswith("/* eslint-disable */\n/**\n")
        assert "Made by `reactive codegen`" in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_same_project_gives_same_bytes(tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "2"):
        folder = FrontEnd(tmp_path / seed)
        out = str(folder.generated)
        flags = ("--project", str(APP), "--out", out)
        done = run_reactive("codegen", *flags, env={"PYTHONHASHSEED": seed})
        assert done.returncode == 0
        texts.append([folder.text(name) for name in NAMES])

    assert texts[0] == texts[1]


def test_docstrings_and_odd_names(front_end: FrontEnd) -> None:
    front_end.generate(APP)
    api = front_end.text("api.d.ts")

    assert "    /** The message that came last. */\n    default: FunctionReference<" in api
    assert "\n    delete: FunctionReference<" in api
    assert '{ new: number; "content-length"?: number; "2nd"?: number }' in api
    assert "Ends no comment: *\\/ is only text." in api
    assert "        /** At most. */\n        limit?: number;" in api


def test_warnings_name_function_and_argument(front_end: FrontEnd) -> None:
    lines = front_end.generate(APP).stderr.splitlines()

    assert [line for line in lines if "kinds:odd: argument call:" in line]
    assert [line for line in lines if "kinds:odd: argument ages:" in line]
    assert [line for line in lines if "kinds:odd: result: complex" in line]
    assert all(line.startswith("reactive: warning: ") for line in lines)


def test_case_of_names(front_end: FrontEnd) -> None:
    front_end.generate(APPS / "camel")
    api = re.sub(r"\s+", " ", front_end.text("api.d.ts"))
    model = front_end.text("dataModel.d.ts")

    assert "chatRooms: { roomFunctions: { createRoom: FunctionReference<" in api
    assert "{ roomName: string; createdBy: string; readMark: ReadMarkInput }" in api
    assert 'Id<"chat_rooms">' in api
    assert 'by_last_seen: ["readMark.lastSeen", "_creationTime"];' in model
    assert "freeForm: Record<string, any>;" in model


def test_setting_is_a_flag(front_end: FrontEnd) -> None:
    front_end.generate(APPS / "camel", "--case", "exact")

    assert "create_room:" in front_end.text("api.d.ts")


def test_app_without_tables(front_end: FrontEnd, make_app: Callable[..., Path]) -> None:
    app = make_app(functions__one=f"{QUERY}@query\nasync def two(ctx: QueryCtx) -> int: return 2\n")
    front_end.generate(app)
    (front_end.source / "main.ts").write_text(
        'import type { Doc, Id, TableNames } from "../convex/_generated/dataModel";\n'
        'export const id: Id<"any"> | Id = "x" as Id<"any">;\n'
        "export const doc: Doc | number = 1;\n"
        'export const name: TableNames = "any";\n'
    )

    assert "" == front_end.compile()
    assert "" == front_end.badly_formatted()


def test_app_without_anything(front_end: FrontEnd, make_app: Callable[..., Path]) -> None:
    front_end.generate(make_app(schema=""))

    assert "" == front_end.compile()
    assert "" == front_end.badly_formatted()
    assert "export declare const api: {};\n" in front_end.text("api.d.ts")


def test_function_and_folder_of_one_name(
    front_end: FrontEnd, make_app: Callable[..., Path]
) -> None:
    app = make_app(
        functions__a_b=f"{QUERY}@query\nasync def c(ctx: QueryCtx) -> int: return 1\n",
        functions__aB__c=f"{QUERY}@query\nasync def d(ctx: QueryCtx) -> str: return ''\n",
    )
    front_end.generate(app, "--case", "camel")
    (front_end.source / "main.ts").write_text(
        'import type { FunctionReturnType } from "convex/server";\n'
        'import { api } from "../convex/_generated/api";\n'
        "export const one: FunctionReturnType<typeof api.aB.c> = 1;\n"
        'export const two: FunctionReturnType<typeof api.aB.c.d> = "";\n'
    )

    assert "" == front_end.compile()
    assert "" == front_end.badly_formatted()


# The command


def test_folder_below_the_project_is_the_default(make_app: Callable[..., Path]) -> None:
    app = make_app(schema="")
    done = run_reactive("codegen", cwd=app)

    assert done.returncode == 0, done.stderr
    assert NAMES == sorted(path.name for path in (app / "_generated").iterdir())


def test_check_names_files_that_are_out_of_date(front_end: FrontEnd) -> None:
    flags = ("codegen", "--project", str(APP), "--out", str(front_end.generated), "--check")
    missing = run_reactive(*flags)
    assert missing.returncode == 1
    assert not front_end.generated.exists()
    assert all(f"{front_end.generated / name} is out of date" in missing.stderr for name in NAMES)

    front_end.generate(APP)
    assert run_reactive(*flags).returncode == 0

    (front_end.generated / "api.d.ts").write_text("// older\n")
    stale = run_reactive(*flags)
    assert stale.returncode == 1
    assert "api.d.ts is out of date" in stale.stderr
    assert "dataModel.d.ts is out of date" not in stale.stderr
    assert "// older\n" == front_end.text("api.d.ts")


def test_files_that_are_right_are_left_alone(front_end: FrontEnd) -> None:
    front_end.generate(APP)
    for name in NAMES:
        os.utime(front_end.generated / name, (1, 1))
    (front_end.generated / "api.js").write_text("")

    assert "1 written" in front_end.generate(APP).stdout
    assert [1, 1] == [
        (front_end.generated / name).stat().st_mtime for name in ("api.d.ts", "dataModel.d.ts")
    ]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import nothing_of_the_kind\n", "cannot import functions.one"),
        (f"{QUERY}@query\nasync def two(ctx, a: 'Nowhere'): ...\n", "cannot read the annotations"),
    ],
)
def test_project_that_cannot_be_loaded(
    make_app: Callable[..., Path], source: str, sentence: str
) -> None:
    app = make_app(functions__one=source)
    done = run_reactive("codegen", "--project", str(app))

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (app / "_generated").exists()


def test_folder_that_cannot_be_written(tmp_path: Path, make_app: Callable[..., Path]) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    app = str(make_app(schema=""))

    for out in (taken, taken / "below"):
        done = run_reactive("codegen", "--project", app, "--out", str(out))
        assert done.returncode == 1
        assert "reactive: error: cannot " in done.stderr
        assert "Traceback" not in done.stderr
