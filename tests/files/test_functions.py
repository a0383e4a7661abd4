"""`ctx.storage` in queries, mutations and actions."""

import pytest

from tests.files.conftest import Http, until
from tests.files.test_uploads import digest_of, folder_of
from tests.server import ServerProcess


async def test_url_is_null_once_the_file_is_deleted(http: Http) -> None:
    file = await http.upload(b"to be deleted")
    url = await http.file_url(file)
    await http.mutate("files:remove", file=file)

    assert await http.query("files:url", file=file) is None
    assert await http.query("files:facts", file=file) is None
    async with http.session.get(url) as response:
        assert (response.status, (await response.json())["code"]) == (404, "FileNotFound")


async def test_bytes_of_a_deleted_file_are_removed(http: Http, files_server: ServerProcess) -> None:
    file = await http.upload(b"to be removed")
    path = folder_of(files_server) / (await http.file_url(file)).rpartition("/")[2]
    assert path.read_bytes() == b"to be removed"
    await http.mutate("files:remove", file=file)

    await until(lambda: not path.exists())


async def test_deletion_in_a_mutation_that_fails(http: Http) -> None:
    file = await http.upload(b"still here")
    answer = await http.answer("mutation", "files:remove_and_fail", file=file)

    assert answer["status"] == "error"
    async with http.session.get(await http.file_url(file)) as response:
        assert await response.read() == b"still here"


async def test_mutation_sees_its_own_deletion(http: Http) -> None:
    file = await http.upload(b"x")

    assert await http.mutate("files:remove_and_look", file=file) == [None, None]


async def test_deletion_twice(http: Http) -> None:
    file = await http.upload(b"x")
    await http.act("files:remove_in_action", file=file)

    for kind, path in [("mutation", "files:remove"), ("action", "files:remove_in_action")]:
        assert (await http.answer(kind, path, file=file))["status"] == "error"


async def test_id_of_another_table(http: Http) -> None:
    picture = await http.mutate("files:save", name="p", file=await http.upload(b"x"))

    for text in (picture, "nonsense", ""):
        answer = await http.answer("query", "files:url", file=text)
        assert "file" in answer["errorMessage"]
        assert (await http.answer("query", "files:any_url", file=text))["status"] == "error"


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", None])
async def test_action_stores_and_reads(http: Http, content_type: str | None) -> None:
    text = "from an action é" * 10
    file = await http.act("files:store", text=text, type=content_type)
    found = await http.act("files:read", file=file)

    data = text.encode()
    assert found == {
        "type": content_type,
        "size": len(data),
        "sha256": digest_of(data),
        "text": text,
    }
    async with http.session.get(await http.file_url(file)) as response:
        assert await response.read() == data


async def test_action_stores_pieces(http: Http) -> None:
    file = await http.act("files:store_pieces", pieces=["a", "", "bc"])

    assert (await http.act("files:read", file=file))["text"] == "abc"


@pytest.mark.parametrize(
    ("path", "args"),
    [
        ("files:store_pieces", {"pieces": ["a", "fail"]}),
        ("files:store_nonsense", {}),
        ("files:store", {"text": "x", "type": "text/plain\r\nX-Evil: 1"}),
        ("files:store", {"text": "x", "type": ""}),
    ],
)
async def test_what_an_action_cannot_store(
    http: Http, files_server: ServerProcess, path: str, args: dict[str, object]
) -> None:
    before = set(folder_of(files_server).rglob("*"))
    assert (await http.answer("action", path, **args))["status"] == "error"

    assert set(folder_of(files_server).rglob("*")) == before


async def test_action_reads_nothing(http: Http) -> None:
    file = await http.upload(b"x")
    await http.mutate("files:remove", file=file)

    assert await http.act("files:read", file=file) is None


async def test_urls_in_an_action(http: Http) -> None:
    file = await http.upload(b"x")
    url, upload = await http.act("files:urls_of_action", file=file)

    assert url == await http.file_url(file)
    async with http.session.post(upload, data=b"y") as answer:
        assert answer.status == 200


async def test_system_table(http: Http) -> None:
    await http.act("files:store", text="x", type="text/marked")

    assert "text/marked" in await http.query("files:types")
