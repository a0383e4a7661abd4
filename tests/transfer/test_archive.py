"""Archives that nobody should trust: damaged, forged, or of another kind."""

import base64
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from reactive.values.ids import encode_id
from tests.transfer.conftest import Site

TABLES = "_tables/documents.jsonl"
AUTHORS = "authors/documents.jsonl"
FILES = "_storage/documents.jsonl"


def archive_of(
    path: Path, entries: dict[str, Any], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A zip with these entries: texts, bytes or rows."""
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, content in entries.items():
            if isinstance(content, list):
                content = "".join(json.dumps(row) + "\n" for row in content)
            out.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/documents.jsonl",
        "/authors/documents.jsonl",
        "authors/../documents.jsonl",
        "authors\\documents.jsonl",
        "_storage/../../outside",
        "_storage/a.b",
        "authors/other.txt",
        "documents.jsonl",
    ],
)
def test_names_that_lead_elsewhere_are_refused(site: Site, tmp_path: Path, name: str) -> None:
    said = site.refused("import", archive_of(tmp_path / "a.zip", {name: "x"}))

    assert f"{name!r} is no entry of an export" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "site"]


def test_entry_that_is_there_twice_is_refused(site: Site, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(AUTHORS, "")
        with pytest.warns(UserWarning, match="Duplicate name"):
            out.writestr(AUTHORS, "")

    assert f"there are two entries {AUTHORS!r}" in site.refused("import", tmp_path / "a.zip")


def test_damaged_archives_are_named(site: Site, tmp_path: Path) -> None:
    rows = [{"name": f"author {i * 7919 % 104729}"} for i in range(5_000)]
    whole = archive_of(tmp_path / "whole.zip", {AUTHORS: rows}).read_bytes()
    plain = archive_of(tmp_path / "plain.zip", {AUTHORS: rows}, zipfile.ZIP_STORED).read_bytes()
    for at, data in enumerate(
        [
            b"",
            b"no zip at all",
            whole[: len(whole) // 2],
            plain.replace(b"author 7919", b"Author 7919"),
        ]
    ):
        (tmp_path / "bad.zip").write_bytes(data)
        said = site.refused("import", tmp_path / "bad.zip")

        assert "bad.zip is damaged, or no export" in said, at
    site.do("import", tmp_path / "whole.zip")
    assert len(site.do("data", "authors", "--limit", "9999").splitlines()) == 5_000


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["x"], "line 1: a row has a name"),
        ([{"name": "authors", "id": "one"}], "line 1: a row has a name"),
        ([{"name": "authors", "id": 7}], "gives the table authors the number 7"),
        (
            [{"name": "authors", "id": 10_001}, {"name": "posts", "id": 10_001}],
            "gives the tables authors and posts the number 10001",
        ),
    ],
)
def test_forged_numbers_are_refused(
    site: Site, tmp_path: Path, rows: list[object], said: str
) -> None:
    entries = {TABLES: rows, AUTHORS: [], "posts/documents.jsonl": []}

    assert said in site.refused("import", archive_of(tmp_path / "a.zip", entries))


def test_unknown_system_table_is_refused(site: Site, tmp_path: Path) -> None:
    said = site.refused("import", archive_of(tmp_path / "a.zip", {"_secrets/documents.jsonl": []}))

    assert "_secrets is no system table" in said


def test_row_of_an_archive_is_named_with_its_entry(site: Site, tmp_path: Path) -> None:
    rows = [{"name": "Ada"}, {"name": None}]
    said = site.refused("import", archive_of(tmp_path / "a.zip", {AUTHORS: rows}))

    assert f"{AUTHORS}, line 2: table authors: field name: Input should be a valid string" in said
    assert site.rows("authors") == []


# --- Files ---


@pytest.fixture
def stored() -> tuple[str, dict[str, Any]]:
    """The id and the row of a file as Convex exports it."""
    storage_id = encode_id(7, bytes(range(16)))
    row = {
        "_id": storage_id,
        "_creationTime": 1_700_000_000_000.25,
        "sha256": base64.b64encode(hashlib.sha256(b"hello").digest()).decode(),
        "size": 5.0,
        "contentType": "text/plain",
        "internalId": "0a3d4a3e-1e9c-4b3b-8c51-9d9f3c0f9b8a",
    }
    return storage_id, row


NUMBERS = [{"name": "_storage", "id": 7}, {"name": "authors", "id": 10_001}]


def test_export_of_convex_is_taken(
    site: Site, tmp_path: Path, stored: tuple[str, dict[str, Any]]
) -> None:
    storage_id, row = stored
    author = {"_id": encode_id(10_001, bytes(16)), "_creationTime": 5.5, "name": "Ada"}
    entries = {
        "README.md": "# Welcome",
        TABLES: NUMBERS,
        FILES: [row],
        f"_storage/{storage_id}": b"hello",
        AUTHORS: [author],
        "authors/generated_schema.jsonl": '"type"',
    }
    site.do("import", archive_of(tmp_path / "a.zip", entries))

    assert site.rows("authors") == [author]
    assert site.call("files:read", file=storage_id) == {"$bytes": "aGVsbG8="}
    assert "http" in site.call("files:url", file=storage_id)


def test_files_that_do_not_fit_are_named(
    site: Site, tmp_path: Path, stored: tuple[str, dict[str, Any]]
) -> None:
    storage_id, row = stored
    entries: dict[str, Any] = {TABLES: NUMBERS, FILES: [row]}
    missing = site.refused("import", archive_of(tmp_path / "a.zip", entries))
    entries[f"_storage/{storage_id}"] = b"HELLO"
    other = site.refused("import", archive_of(tmp_path / "b.zip", entries))
    entries[FILES] = [row | {"size": 4.0}]
    size = site.refused("import", archive_of(tmp_path / "c.zip", entries))
    entries["_file_keys/documents.jsonl"] = [{"storageId": storage_id, "key": "../../outside"}]
    key = site.refused("import", archive_of(tmp_path / "d.zip", entries))

    assert f"{FILES}, line 1: table _storage, id '{storage_id}': its bytes are not in" in missing
    assert "its bytes in the archive are others than" in other
    assert "its bytes in the archive are others than" in size
    assert "field key: it is no name of a stored file" in key
    assert not list(site.database.parent.glob("*.files/*"))


def test_id_of_another_table_is_refused(site: Site, tmp_path: Path) -> None:
    author = {"_id": encode_id(10_002, bytes(16)), "name": "Ada"}
    entries = {TABLES: NUMBERS[1:], AUTHORS: [author]}
    said = site.refused("import", archive_of(tmp_path / "a.zip", entries))

    assert "_id is an id of the table with number 10002, but authors has number 10001" in said
