"""What the tests of the trial share: the app in virtual time, and its samples."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from reactive.runtime.db import DatabaseWriter
from reactive.testing import TestBackend
from tests.runtime.harness import own_modules
from tests.upkeep.world import ROOT, Chat

KEY = "secret"
LOOK_S = 16.0  # a little more than the interval at which the rule is applied


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    with own_modules():
        async with TestBackend(ROOT, admin_key=KEY, rate_limit=0.0) as backend:
            yield Chat(backend)


async def plant(chat: Chat, count: int, **more: Any) -> None:
    """So many streams as if they had been measured just now."""
    from schema import Stream, TrialSample

    thread = await chat.thread()
    now = chat.backend.clock.now_ns() / 1e6

    async def insert(db: DatabaseWriter) -> None:
        for _ in range(count):
            stream = await db.insert(Stream(**_stream(thread, message)))
            sample = {"path": "reactive", "source": "sink", "variant": "reactive", "at": now}
            known = {"key": "realtime", "stream_id": stream, "kind": "identical"}
            await db.insert(TrialSample(**{**known, **sample, **more}))

    message = (await chat.prepare(thread=thread)).message
    await chat.change(insert)


def _stream(thread: str, message: str) -> dict[str, Any]:
    return {
        "thread_id": thread,
        "message_id": message,
        "user_id": "local",
        "state": "finished",
        "model": "scripted/echo",
        "lease_until": 0.0,
        "ended_at": 1.0,
        "is_compacted": True,
        "final_seq": 1,
    }
