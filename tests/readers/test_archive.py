"""A log that was put away long ago is read like any other, until it is not kept any more."""

import json
from datetime import timedelta

from aiohttp import ClientSession

from reactive.testing import TestBackend
from tests.readers.conftest import ROOT
from tests.readers.reading import Answer, read

PACKED = timedelta(minutes=12)
FORGOTTEN = timedelta(days=31)


async def _read(site: ClientSession, stream: str, after: int = 0) -> Answer:
    async with site.get(f"/stream-chat/{stream}?after={after}") as response:
        return await read(response)


async def test_archived_stream_is_read_in_every_dialect() -> None:
    async with TestBackend(ROOT) as backend:
        thread = await backend.mutation("threads:create", title="x")
        sent = await backend.mutation(
            "messages:send", threadId=thread, prompt="for later", model="scripted/tools"
        )
        await backend.advance(20)
        async with ClientSession(await backend.listen()) as site:
            stream = sent["streamId"]
            fresh = await _read(site, stream)
            assert fresh.types[-1] == "stream-finish"
            backend.clock.advance(PACKED.total_seconds())
            assert await backend.action("archive:compact") == 1

            archived = await _read(site, stream)
            assert archived.frames == fresh.frames
            assert (await _read(site, stream, 5)).frames == fresh.frames[5:]
            subscription = json.dumps(
                {"assistantMessageId": sent["messageId"], "projectId": thread}
            )
            url = "/trpc/chat.streamResponse"
            async with site.get(url, params={"input": subscription}) as response:
                told = await read(response)
            assert told.frames[-2].json == {"type": "finalized", "status": "success"}

            backend.clock.advance(FORGOTTEN.total_seconds())
            await backend.mutation("archive:expire")
            async with site.get(f"/stream-chat/{stream}") as response:
                assert response.status == 410
                assert (await response.json())["code"] == "gone"
            async with site.get(url, params={"input": subscription}) as response:
                told = await read(response)
            assert [frame.json["type"] for frame in told.frames[1:-1]] == ["error", "finalized"]
