"""A server that dies in mid-answer: its sockets come again and hear what has become of it."""

from tests.socketio.conftest import Site
from tests.socketio.field import Connect, expected, kinds


async def test_a_restart_in_mid_answer(own_site: Site, connect: Connect, task: str) -> None:
    site = own_site
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "hello", llmModel="scripted/story")
    await client.until(lambda: len(client.chunks()) >= 5)
    site.server.kill()
    site.server.start()
    failure = await client.until_told("stream-error")
    assert failure["code"] == "orphaned"
    assert failure["streamId"] == sent["streamId"]
    assert client.connects == 2
    assert kinds(client.chunks()) == expected(await site.log(sent["streamId"]))
    await client.until(lambda: client.statuses()[-1:] == ["FAILED"])
