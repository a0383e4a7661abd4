"""What somebody hears whose server is the right one and whose id is not: which id, and of what."""

from pathlib import Path
from typing import Any

import pytest

from reactive.errors import ApplicationError, CallError
from reactive.testing import TestBackend
from tests.server import ServerProcess, run_reactive

ROOT = Path(__file__).parents[2]
PAGE = {"numItems": 3, "cursor": None}


async def ids() -> dict[str, str]:
    """Ids of a server of its own, which no other one knows."""
    async with TestBackend(ROOT) as other:
        thread = await other.mutation("threads:create")
        sent, _ = await other.mutation("messages:prepare", threadId=thread, prompt="hello")
    return {"threadId": thread, **sent}


async def test_an_unknown_id_is_named_with_what_it_should_be_of() -> None:
    known = await ids()
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("messages:list", "threadId", "thread", {"paginationOpts": PAGE}),
        ("messages:observe", "threadId", "thread", {}),
        ("parts:order", "messageId", "message", {}),
        ("streamEvents:getStreamEvents", "streamId", "stream", {}),
        ("streamEvents:getStreamState", "streamId", "stream", {}),
    ]
    async with TestBackend(ROOT) as backend:
        await backend.mutation("threads:create")
        for path, name, table, more in calls:
            with pytest.raises(ApplicationError) as unknown:
                await backend.query(path, {name: known[name], **more})
            with pytest.raises(CallError) as garbled:
                await backend.query(path, {name: "task-7", **more})

            assert {
                "code": "not_found",
                "message": f"There is no {table} {known[name]!r}.",
            } == unknown.value.data
            for part in (f"Path: .{name}", f"an id of table '{table}s'", "Value: 'task-7'"):
                assert part in garbled.value.message
        with pytest.raises(ApplicationError) as task:
            await backend.action("streaming:streamChatWithTools", taskId="task-7", prompt="x")

    assert {"code": "not_found", "message": "There is no thread 'task-7'."} == task.value.data


def test_wrong_url_and_wrong_id_are_told_apart(tmp_path: Path) -> None:
    call = ("run", "tasks:find", '{"name": "task-7"}', "--project", str(ROOT))
    with ServerProcess(ROOT, tmp_path / "data.sqlite3", flags=("--admin-key", "key")) as server:
        wrong_id = run_reactive(*call, "--url", server.url, "--admin-key", "key")
        url = server.url
    wrong_url = run_reactive(*call, "--url", url, "--admin-key", "key")

    assert (1, 1) == (wrong_id.returncode, wrong_url.returncode)
    assert "There is no task 'task-7'." in wrong_id.stderr
    assert f"cannot call {url}: " in wrong_url.stderr
