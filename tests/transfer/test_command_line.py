"""`reactive export`, `import` and `data`, as a user has them."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import REACTIVE, environment, run_reactive
from tests.transfer.conftest import Site, jsonl

NewSite = Callable[[str], Site]


# --- One table's rows ---


def test_rows_get_ids_times_and_defaults(site: Site, tmp_path: Path) -> None:
    said = site.do("import", "--table", "authors", jsonl(tmp_path / "a.jsonl", {"name": "Ada"}))
    (author,) = site.rows("authors")
    posts = [{"author": author["_id"], "title": title} for title in ("one", "two")]
    site.do("import", "--table", "posts", jsonl(tmp_path / "p.jsonl", *posts))
    one, two = site.rows("posts")

    assert "authors: 1 rows" in said
    assert author["name"] == "Ada"
    assert (one["title"], one["score"]) == ("one", 0)
    assert one["_creationTime"] < two["_creationTime"]
    assert site.call("posts:titles") == ["one", "two"]
    assert site.call("posts:search", text="two") == ["two"]


def test_ids_and_times_that_are_given_stay(site: Site, tmp_path: Path) -> None:
    site.do("import", "--table", "authors", jsonl(tmp_path / "a.jsonl", {"name": "Ada"}))
    (author,) = site.rows("authors")
    author |= {"name": "Bea", "_creationTime": 1234.5}
    rows = jsonl(tmp_path / "b.jsonl", author)
    site.do("import", "--table", "authors", rows, "--replace")

    assert site.rows("authors") == [author]


def test_table_without_a_class_takes_any_fields(site: Site, tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "a.jsonl", {"deep": {"er": [1, None]}}, {"other": True})
    site.do("import", "--table", "loose", rows)

    assert [row.get("deep") for row in site.rows("loose")] == [{"er": [1.0, None]}, None]


def test_names_in_the_spelling_of_python_are_stored_in_the_wires(
    site: Site, tmp_path: Path
) -> None:
    (site.folder / "pyproject.toml").write_text('[tool.reactive]\ncase = "camel"\n')
    schema = (
        "from reactive import Document\nclass Pet(Document, table='pets'):\n    full_name: str\n"
    )
    (site.folder / "schema.py").write_text(schema)
    for module in (site.folder / "functions").glob("*.py"):
        module.unlink()
    rows = [{"full_name": "Rex"}, {"fullName": "Tom"}]
    site.do("import", "--table", "pets", jsonl(tmp_path / "a.jsonl", *rows))

    assert [row["fullName"] for row in site.rows("pets")] == ["Rex", "Tom"]


def test_wrong_rows_are_named_and_nothing_is_written(site: Site, tmp_path: Path) -> None:
    site.do("import", "--table", "authors", jsonl(tmp_path / "a.jsonl", {"name": "Ada"}))
    (author,) = site.rows("authors")
    good = {"author": author["_id"], "title": "fine"}
    lines = [
        json.dumps(good),
        json.dumps(good | {"title": 5}),
        "",
        json.dumps(good | {"colour": "red"}),
        json.dumps({"title": "x"}),
        '{"title": "cut',
        "[1]",
        json.dumps(good | {"author": "nobody"}),
        json.dumps(good | {"_id": author["_id"]}),
        json.dumps(good | {"_creationTime": -1}),
        json.dumps(good | {"_secret": 1}),
        json.dumps(good | {"": 1}),
        json.dumps(good | {"title": "x" * 1_100_000}),
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    said = site.refused("import", "--table", "posts", tmp_path / "p.jsonl")

    assert "nothing was imported; the rest was not looked at" in said
    for part in (
        "p.jsonl, line 2: table posts: field title: Input should be a valid string. (it has 5)",
        "line 4: table posts: field colour: Object contains extra field `colour`",
        "line 5: table posts: field author: Object is missing the required field `author`",
        "line 6: table posts: not valid JSON",
        "line 7: table posts: a row must be a JSON object",
        "line 8: table posts: field author: Input should be an id of table 'authors'",
        f"line 9: table posts, id '{author['_id']}': _id is an id of the table with number",
        "line 10: table posts: _creationTime is not between 0 and 2^53",
        "line 11: table posts: '_secret' is no name for a field",
        "line 12: table posts: '' is no name for a field",
    ):
        assert part in said, part
    assert "line 1:" not in said
    assert "line 13:" not in said
    assert site.rows("posts") == []


def test_document_that_is_too_large_is_named(site: Site, tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "a.jsonl", {"name": "x" * 1_100_000})
    said = site.refused("import", "--table", "authors", rows)

    assert "line 1: table authors: Value is too large" in said


def test_line_without_an_end_is_refused(site: Site, tmp_path: Path) -> None:
    with (tmp_path / "a.jsonl").open("wb") as out:
        out.truncate(70 * 1024 * 1024)
    said = site.refused("import", "--table", "authors", tmp_path / "a.jsonl")

    assert "line 1: table authors: the line is longer than 64 MiB" in said


def test_id_that_is_there_twice_is_named(site: Site, tmp_path: Path) -> None:
    site.do("import", "--table", "authors", jsonl(tmp_path / "a.jsonl", {"name": "Ada"}))
    (author,) = site.rows("authors")
    other = {"name": "Bea"}
    again = site.refused(
        "import", "--append", "--table", "authors", jsonl(tmp_path / "b.jsonl", other, author)
    )
    twice = site.refused(
        "import", "--replace", "--table", "authors", jsonl(tmp_path / "c.jsonl", author, author)
    )

    for said in (again, twice):
        assert f"line 2: table authors, id '{author['_id']}'" in said
        assert "there is a document of this id already" in said
    assert site.rows("authors") == [author]


def test_table_with_documents_needs_a_word(site: Site, tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "a.jsonl", {"name": "Ada"})
    site.do("import", "--table", "authors", rows)
    said = site.refused("import", "--table", "authors", rows)
    site.do("import", "--table", "authors", rows, "--append")
    both = len(site.rows("authors"))
    site.do("import", "--table", "authors", rows, "--replace")

    assert "there are documents already in authors" in said
    assert "--replace" in said
    assert "--append" in said
    assert (both, len(site.rows("authors"))) == (2, 1)


def test_replaced_rows_leave_every_index(site: Site, tmp_path: Path) -> None:
    author = site.call("posts:write", name="Ada", titles=["old words"])
    rows = jsonl(tmp_path / "p.jsonl", {"author": author, "title": "new words"})
    site.do("import", "--table", "posts", rows, "--replace")

    assert site.call("posts:search", text="words") == ["new words"]
    assert site.call("posts:search", text="old") == []
    site.call("posts:remove_all")
    assert site.call("posts:search", text="words") == []


@pytest.mark.parametrize("table", ["_storage", "no-name", "", "1"])
def test_what_is_no_table_is_refused(site: Site, tmp_path: Path, table: str) -> None:
    said = site.refused("import", "--table", table, jsonl(tmp_path / "a.jsonl", {}))

    assert f"{table!r} is no name of a table that can be imported" in said


def test_rows_without_their_table_are_asked_for_it(site: Site, tmp_path: Path) -> None:
    assert "--table" in site.refused("import", jsonl(tmp_path / "a.jsonl", {}))


def test_file_that_is_not_there_is_named(site: Site, tmp_path: Path) -> None:
    assert "gone.zip" in site.refused("import", tmp_path / "gone.zip")
    assert "gone.jsonl" in site.refused("import", "--table", "posts", tmp_path / "gone.jsonl")


# --- Everything ---


def test_export_has_convexs_layout(site: Site, tmp_path: Path) -> None:
    site.call("posts:write", name="Ada", titles=["one", "two"])
    said = site.do("export", tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        tables = [json.loads(line) for line in archive.open("_tables/documents.jsonl")]
        posts = [json.loads(line) for line in archive.open("posts/documents.jsonl")]

    assert "exported 3 documents of 3 tables and 0 files" in said
    assert {"posts/documents.jsonl", "_storage/documents.jsonl"} <= set(names)
    assert {"id": 10_002, "name": "posts"} in tables
    assert posts == site.rows("posts")
    assert [post["title"] for post in posts] == ["one", "two"]
    assert list(tmp_path.glob(".out*")) == []


def test_whole_database_moves(new_site: NewSite, tmp_path: Path) -> None:
    old, new = new_site("old"), new_site("new")
    old.in_processes = new.in_processes = True
    old.call("posts:write", name="Ada", titles=["one", "two"])
    old.call("posts:note", values=[{"$integer": "BQAAAAAAAAA="}, {"$bytes": "AP8="}, "ü🚲\0"])
    file = old.call("files:keep", data={"$bytes": "aGVsbG8="}, content_type="text/plain")
    old.call("posts:write_soon", name="Bea", seconds=3600)
    old.do("export", tmp_path / "one.zip")
    new.do("import", tmp_path / "one.zip")
    new.do("export", tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert new.call("posts:list") == old.call("posts:list")
    assert new.call("files:read", file=file) == {"$bytes": "aGVsbG8="}
    assert new.call("files:url", file=file) == old.call("files:url", file=file)
    assert [job["state"]["kind"] for job in new.rows("_scheduled_functions")] == ["pending"]


def test_table_numbers_move_with_their_ids(new_site: NewSite, tmp_path: Path) -> None:
    """The other database has made its tables in another order."""
    old, new = new_site("old"), new_site("new")
    old.call("posts:note", values=[1])
    old.call("posts:write", name="Ada", titles=["one"])
    schema = (new.folder / "schema.py").read_text()
    first, *classes = schema.split("\n\n\n")
    (new.folder / "schema.py").write_text("\n\n\n".join([first, classes[2], *classes[:2]]))
    new.call("posts:titles")
    before = new.do("export", tmp_path / "before.zip")
    old.do("export", tmp_path / "one.zip")
    new.do("import", tmp_path / "one.zip")
    (author,) = new.rows("authors")

    assert "exported 0 documents of 3 tables" in before
    assert new.rows("posts")[0]["author"] == author["_id"]
    assert new.call("posts:write", name="Bea", titles=["two"])
    new.do("export", tmp_path / "two.zip")
    old.do("import", tmp_path / "two.zip", "--replace")
    assert old.call("posts:titles") == ["one", "two"]


def test_numbers_that_collide_are_refused(new_site: NewSite, tmp_path: Path) -> None:
    old, new = new_site("old"), new_site("new")
    old.call("posts:note", values=[1])
    new.do("import", "--table", "other", jsonl(tmp_path / "a.jsonl", {"a": 1}))
    old.do("export", tmp_path / "one.zip")
    said = new.refused("import", tmp_path / "one.zip")

    assert "the table notes has number 10004 in the import" in said
    assert "the table other here" in said
    assert len(new.rows("other")) == 1


def test_second_import_needs_replace(new_site: NewSite, tmp_path: Path) -> None:
    old, new = new_site("old"), new_site("new")
    old.call("posts:write", name="Ada", titles=["one"])
    old.do("export", tmp_path / "one.zip")
    new.do("import", tmp_path / "one.zip")
    new.call("posts:write", name="Bea", titles=["two"])
    said = new.refused("import", tmp_path / "one.zip")
    new.do("import", tmp_path / "one.zip", "--replace")

    assert "there are documents already in authors, posts" in said
    assert new.call("posts:titles") == ["one"]


def test_documents_of_an_older_schema_move_as_they_are(new_site: NewSite, tmp_path: Path) -> None:
    """A field that the class got later, with a default, is in no document from before."""
    old, new = new_site("old"), new_site("new")
    old.call("posts:write", name="Ada", titles=[])
    for site in (old, new):
        schema = (site.folder / "schema.py").read_text()
        schema = schema.replace("    name: str\n", "    name: str\n    born: int = 1815\n")
        (site.folder / "schema.py").write_text(schema)
    old.do("export", tmp_path / "one.zip")
    new.do("import", tmp_path / "one.zip")
    new.do("export", tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_deleted_file_is_not_in_an_export(site: Site, tmp_path: Path) -> None:
    file = site.call("files:keep", data={"$bytes": "aGVsbG8="})
    site.call("files:remove", file=file)
    site.do("export", tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.read("_file_keys/documents.jsonl") == b""
        assert f"_storage/{file}" not in archive.namelist()


def test_lost_file_is_named_and_no_export_is_left(site: Site, tmp_path: Path) -> None:
    file = site.call("files:keep", data={"$bytes": "aGVsbG8="})
    (tmp_path / "out.zip").write_text("an older export")
    (kept,) = [path for path in site.database.parent.glob("*.files/*") if path.is_file()]
    kept.unlink()
    said = site.refused("export", tmp_path / "out.zip")

    assert file in said
    assert (tmp_path / "out.zip").read_text() == "an older export"
    assert list(tmp_path.glob(".out*")) == []


def test_export_that_cannot_be_written_says_so(site: Site, tmp_path: Path) -> None:
    site.call("posts:write", name="Ada", titles=[])

    assert "nowhere/out.zip" in site.refused("export", tmp_path / "nowhere" / "out.zip")


def test_project_without_a_database_has_nothing_to_export(site: Site, tmp_path: Path) -> None:
    said = site.refused("export", tmp_path / "out.zip")

    assert f"there is no database {site.database}" in said
    assert not site.database.exists()
    for command in (("export", tmp_path / "out.zip"), ("data",)):
        assert "this needs a SQLite file" in site.refused(*command, "--store", "memory:")


# --- Looking ---


def test_data_lists_tables_and_documents(site: Site) -> None:
    site.call("posts:write", name="Ada", titles=["one", "two", "three"])
    tables = [json.loads(line) for line in site.do("data").splitlines()]
    newest = site.do("data", "posts", "--limit", "2").splitlines()
    grid = site.do("data", "posts", "--format", "table", "--order", "asc", "--limit", "1")

    assert {"table": "posts", "documents": 3} in tables
    assert [json.loads(line)["title"] for line in newest] == ["three", "two"]
    assert site.rows("posts")[0]["_id"] in grid
    assert "'one'" in grid
    assert "1 of 3 documents" in grid
    assert "there is no table 'nope'" in site.refused("data", "nope")


def test_data_for_a_reader_who_has_seen_enough(site: Site, tmp_path: Path) -> None:
    rows = [{"text": "x" * 1_000}] * 500
    site.do("import", "--table", "long", jsonl(tmp_path / "a.jsonl", *rows))
    done = subprocess.run(
        ["bash", "-c", f"{REACTIVE} data long --limit 500 --project {site.folder} | head -n 1"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert json.loads(done.stdout)["text"] == "x" * 1_000
    assert done.stderr == ""


def test_wrong_number_of_documents_is_a_mistake_of_usage(site: Site) -> None:
    done = run_reactive("data", "--limit", "many", "--project", str(site.folder))

    assert done.returncode == 2
    assert "'many' is no number of documents" in done.stderr
