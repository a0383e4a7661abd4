"""The chat app in virtual time, and what tests of its upkeep want of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reactive.ai import events
from reactive.ai.events import Event
from reactive.ai.reducer import StreamState, reduce
from reactive.ai.writer import Flusher, StreamWriter
from reactive.runtime.db import DatabaseWriter, SystemTables
from reactive.testing import TestBackend
from tests.runtime.harness import own_modules

ROOT = Path(__file__).parents[2]

T = TypeVar("T")


@dataclass(frozen=True)
class Sent:
    """One question and the answer to be."""

    thread: str
    user_message: str
    message: str
    stream: str


class Chat:
    """The app's own functions, as far as tests call them."""

    def __init__(self, backend: TestBackend) -> None:
        self.backend = backend

    async def thread(self) -> str:
        found: str = await self.backend.mutation("threads:create", title="x")
        return found

    async def send(self, prompt: str = "one two three", **more: Any) -> Sent:
        """Sends a message; the answer starts at once."""
        return await self._send("messages:send", prompt, **more)

    async def prepare(self, prompt: str = "one two three", **more: Any) -> Sent:
        """Sends a message whose answer somebody else is to make."""
        return await self._send("messages:prepare", prompt, **more)

    async def _send(self, path: str, prompt: str, **more: Any) -> Sent:
        thread = more.pop("thread", None) or await self.thread()
        args = {"threadId": thread, "prompt": prompt, "model": "scripted/echo", **more}
        found = await self.backend.mutation(path, args)
        sent = found[0] if isinstance(found, list) else found
        return Sent(thread, sent["userMessageId"], sent["messageId"], sent["streamId"])

    async def begin(self, sent: Sent, *events_: Event) -> "Flusher":
        """Somebody begins the answer and writes so much of it; then it depends on the flusher."""
        from functions._log import AppLog
        from functions.streams import begin

        await self.backend.mutation(begin, stream_id=sent.stream)
        flusher = Flusher(AppLog(self.backend._context()), self.backend.clock)
        writer = StreamWriter(flusher, sent.stream, sent.message)
        writer.append(events.stream_start(sent.message, "scripted/echo", 1), *events_)
        await self.backend.advance(0.1)
        return flusher

    async def join(self, flusher: "Flusher", sent: Sent, *events_: Event) -> StreamWriter:
        """Another answer is begun by the same process."""
        from functions.streams import begin

        await self.backend.mutation(begin, stream_id=sent.stream)
        writer = StreamWriter(flusher, sent.stream, sent.message)
        writer.append(events.stream_start(sent.message, "scripted/echo", 1), *events_)
        await self.backend.advance(0.1)
        return writer

    async def finish(self, writer: StreamWriter, terminal: Event) -> None:
        """The writer ends its answer."""
        ending = asyncio.ensure_future(writer.finish(terminal))
        await self.backend.advance(1)
        await ending

    async def crash(self, sent: Sent, *events_: Event) -> None:
        """Somebody begins the answer, writes so much of it, and dies."""
        flusher = await self.begin(sent, *events_)
        assert flusher._task is not None
        flusher._task.cancel()

    # What is there

    async def state(self, sent: Sent) -> dict[str, Any]:
        found: dict[str, Any] = await self.backend.query(
            "streamEvents:getStreamState", streamId=sent.stream
        )
        return found

    async def events(self, sent: Sent, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The log from any event on, to its end."""
        found: list[Event] = []
        while True:
            page = await self.backend.query(
                "streamEvents:getStreamEvents", streamId=sent.stream, after=after, limit=limit
            )
            found += page["events"]
            if page["isDone"] or not page["events"]:
                return found
            after = page["lastSeq"]

    async def rebuilt(self, sent: Sent) -> dict[str, Any]:
        found: dict[str, Any] = await self.backend.query(
            "streamEvents:reconstructStreamContent", streamId=sent.stream
        )
        return found

    async def message(self, sent: Sent) -> dict[str, Any]:
        page = await self.backend.query(
            "messages:list",
            threadId=sent.thread,
            paginationOpts={"numItems": 100, "cursor": None},
        )
        found: dict[str, Any] = next(each for each in page["page"] if each["_id"] == sent.message)
        return found

    async def parts(self, sent: Sent) -> list[dict[str, Any]]:
        """The rows of the parts, each with its place in `parts:order`."""
        order = await self.backend.query("parts:order", messageId=sent.message)
        return [
            {
                **place,
                **await self.backend.query(
                    "parts:get",
                    messageId=sent.message,
                    index=place["index"],
                    segment=place["segment"],
                ),
            }
            for place in order
        ]

    async def check_whole(self, sent: Sent) -> StreamState:
        """An answer that is over: log, parts, message and stream say the same."""
        log = await self.events(sent)
        state = reduce(log)
        assert [each["seq"] for each in log] == [*range(1, len(log) + 1)]
        assert [each for each in log if events.is_terminal(each)] == [log[-1]]
        stored, message, parts = (
            await self.state(sent),
            await self.message(sent),
            await self.parts(sent),
        )
        assert (stored["state"], stored["finalSeq"]) == (state.status, log[-1]["seq"])
        assert message["content"] == state.content
        texts = [part["text"] for part in parts if part["type"] == "text"]
        assert "".join(texts) == state.content
        assert all(part["sealed"] for part in parts)
        assert {part["index"]: part["state"] for part in parts} == {
            part.index: part.state for part in state.parts
        }
        differences = await self.backend.query("archive:compare", streamId=sent.stream, events=log)
        assert differences == []
        return state

    async def change(self, work: Callable[[DatabaseWriter], Awaitable[T]]) -> T:
        """A transaction of the test's own, on any table."""

        async def run(db: SystemTables) -> T:
            return await work(DatabaseWriter(db._run))

        found = await self.backend._app.service.transact(run)
        await self.backend.settle()
        return found

    async def rows(self, table: str) -> Sequence[Any]:
        return await self.change(lambda db: db.query(table).collect())

    async def jump(self, seconds: float) -> None:
        """So much time passes at once; what came due in it happens once."""
        self.backend.clock.advance(seconds)
        await self.backend.advance(0)


@asynccontextmanager
async def chatting(**settings: Any) -> AsyncIterator[Chat]:
    """The app, served with these settings."""
    with own_modules():
        async with TestBackend(ROOT, **settings) as backend:
            yield Chat(backend)
