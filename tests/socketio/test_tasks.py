"""What server code tells of a task: status, terminal, files."""

import pytest

from tests.socketio.conftest import Site
from tests.socketio.field import Connect

KEPT = 1_000


async def test_everything_arrives_in_order_and_again_after_a_join(
    site: Site, connect: Connect, task: str
) -> None:
    thread = await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    await client.until_told("stream-state")
    await site.admin("tasks:setStatus", taskId=task, status="INITIALIZING", timestamp=5)
    await site.admin("tasks:terminalOutput", taskId=thread, entry={"data": "a", "type": "stdout"})
    await site.admin(
        "tasks:fsChange",
        taskId=task,
        operation="file-modified",
        filePath="src/a.py",
        timestamp=9,
        source="local",
        isDirectory=False,
    )
    entry = {"id": 40, "timestamp": 3, "data": "b", "type": "stderr"}
    await site.admin("tasks:terminalOutput", taskId=task, entry=entry)
    await site.admin("tasks:setStatus", taskId=task, status="FAILED", errorMessage="no disk")
    await client.until(lambda: client.statuses() == ["INITIALIZING", "FAILED"])
    names = client.names()[2:]
    assert names == [
        "task-status-updated",
        "terminal-output",
        "fs-change",
        "terminal-output",
        "task-status-updated",
    ]
    first = client.told("task-status-updated")[0]
    assert first == {"taskId": task, "status": "INITIALIZING", "timestamp": 5}
    assert client.told("task-status-updated")[1]["errorMessage"] == "no disk"
    assert client.told("fs-change") == [
        {
            "taskId": task,
            "operation": "file-modified",
            "filePath": "src/a.py",
            "timestamp": 9,
            "source": "local",
            "isDirectory": False,
        }
    ]
    made, given = client.told("terminal-output")
    assert given == {"taskId": task, "entry": entry}
    assert sorted(made["entry"]) == ["data", "id", "timestamp", "type"]

    back = await connect(site.server.url)
    await back.join(thread)
    await back.until(lambda: back.statuses() == ["FAILED"])
    assert [each["entry"] for each in back.told("terminal-output")] == [made["entry"], entry]
    assert {each["taskId"] for each in back.told("terminal-output", "fs-change")} == {thread}


@pytest.mark.timeout(240)
async def test_the_terminal_has_a_ring_of_its_own(site: Site, connect: Connect, task: str) -> None:
    await site.thread(task)
    await site.admin("tasks:fsChange", taskId=task, operation="file-created", filePath="a.py")
    for number in range(KEPT + 5):
        entry = {"id": number, "data": f"line {number}", "type": "stdout", "timestamp": 0}
        await site.admin("tasks:terminalOutput", taskId=task, entry=entry)
    for transport in ("polling", "websocket"):
        client = await connect(site.server.url, (transport,))
        await client.join(task)
        await client.until_told("terminal-output", KEPT)
        ids = [each["entry"]["id"] for each in client.told("terminal-output")]
        assert ids == list(range(5, KEPT + 5))
        assert len(client.told("fs-change")) == 1


async def test_server_code_is_told_of_a_task_that_is_not_there(site: Site) -> None:
    with pytest.raises(AssertionError, match="There is no task"):
        await site.admin("tasks:setStatus", taskId="nothing", status="RUNNING")


async def test_clients_cannot_tell(site: Site, task: str) -> None:
    await site.thread(task)
    with pytest.raises(AssertionError, match="Could not find public function"):
        await site.call("mutation", "tasks:setStatus", taskId=task, status="RUNNING")
