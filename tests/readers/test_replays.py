"""`reactive stream`: an answer is recorded, and told again on a server that never made it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientSession

from reactive.ai.replay import lines_of, read_lines
from reactive.errors import ApplicationError
from reactive.testing import TestBackend
from tests.ai.fake_provider import environment, fake_provider
from tests.auth import forge
from tests.readers.reading import ask, call, new_thread, state_of, text_of
from tests.runtime.harness import own_modules
from tests.scripts import node, run_script
from tests.server import ServerProcess, run_reactive
from tests.sync_client import SyncClient

ROOT = Path(__file__).parents[2]
JS = Path(__file__).parent / "js"
ADMIN = ("--admin-key", "secret")
STRETCH_S = 15.0

Events = list[dict[str, Any]]


class Recorded(NamedTuple):
    """An answer that the first server has made, and its recording."""

    stream: str
    events: Events
    file: Path


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that makes no answer of its own; one that it asked for would fail."""
    store = tmp_path_factory.mktemp("empty") / "data.sqlite3"
    env = environment("http://127.0.0.1:9")
    with ServerProcess(ROOT, store, flags=ADMIN, env=env) as server:
        yield server


@pytest.fixture
async def other(empty: ServerProcess) -> AsyncIterator[ClientSession]:
    async with ClientSession(empty.url) as site:
        yield site


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """Answers of another server, exported from it while it ran."""
    folder = tmp_path_factory.mktemp("recorded")
    return asyncio.run(_record(folder))


MODELS = ("openai/500,drip:30", "scripted/tools", "scripted/fail")


async def _record(folder: Path) -> dict[str, Recorded]:
    async with fake_provider() as fake:
        server = ServerProcess(
            ROOT, folder / "data.sqlite3", flags=ADMIN, env=environment(fake.url)
        )
        await asyncio.to_thread(server.start)
        try:
            async with ClientSession(server.url) as site:
                made = [_made(site, server.url, folder, model) for model in MODELS]
                return dict(zip(MODELS, await asyncio.gather(*made), strict=True))
        finally:
            await asyncio.to_thread(server.end)


async def _made(site: ClientSession, url: str, folder: Path, model: str) -> Recorded:
    await new_thread(site, model)
    answer = await ask(site, model, "Tell me.", model=model)
    stream = answer.headers["x-stream-id"]
    file = folder / f"{stream}.jsonl"
    file.write_text(await _stream("export", stream, "--url", url, *ADMIN))
    return Recorded(stream, answer.events, file)


async def _stream(*arguments: str) -> str:
    done = await asyncio.to_thread(run_reactive, "stream", *arguments, "--project", str(ROOT))
    assert done.returncode == 0, done.stderr
    return done.stdout


async def refused(*arguments: str) -> str:
    done = await asyncio.to_thread(run_reactive, "stream", *arguments, "--project", str(ROOT))
    assert (1, "") == (done.returncode, done.stdout)
    return done.stderr


def alike(events: Events) -> Events:
    """Events without what a replay makes anew."""
    return [
        {name: value for name, value in event.items() if name not in ("ts", "messageId")}
        for event in events
    ]


def stretched(recording: Recorded, file: Path) -> Path:
    """The same recording, as if it had taken longer."""
    lines = [json.loads(line) for line in recording.file.read_text().splitlines()]
    first, span = lines[0]["ts"], lines[-1]["ts"] - lines[0]["ts"]
    for line in lines:
        line["ts"] = first + (line["ts"] - first) / span * STRETCH_S * 1e3
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_recording_has_the_stored_events_a_line_each(recorded: dict[str, Recorded]) -> None:
    for model, (stream, events, file) in recorded.items():
        lines = [json.loads(line) for line in file.read_text().splitlines()]

        assert [{"streamId": stream, **event} for event in events] == lines, model
    types = {event["type"] for each in recorded.values() for event in each.events}
    assert {"attempt-reset", "tool-result", "stream-finish", "stream-error"} <= types


async def test_replay_into_an_empty_server_is_the_same_and_costs_nothing(
    recorded: dict[str, Recorded], empty: ServerProcess, other: ClientSession
) -> None:
    place = ("--url", empty.url, *ADMIN)

    async def replay(told: Recorded) -> None:
        begun = json.loads(await _stream("replay", str(told.file), "--speed", "0", *place))
        stream = begun["streamId"]
        replayed = read_lines(await _internal(other, "replays:record", streamId=stream))[1]
        (message,) = await call(other, "query", "messages:observe", threadId=begun["threadId"])
        state = await state_of(other, stream)

        assert alike(told.events) == alike(replayed)
        assert begun["messageId"] == replayed[0]["messageId"] == message["_id"]
        assert ("replay", stream) == (message["model"], message["streamId"])
        assert text_of(told.events) == message["content"]
        ends = {"stream-finish": "finished", "stream-error": "error"}
        assert ends[told.events[-1]["type"]] == state["state"]
        compared = {"streamId": stream, "events": replayed}
        assert [] == await _internal(other, "archive:compare", **compared)

    await asyncio.gather(*map(replay, recorded.values()))
    rows = await asyncio.to_thread(
        run_reactive, "data", "streams", "--project", str(ROOT), "--store", empty.store
    )
    marks = {json.loads(row)["replayOf"] for row in rows.stdout.splitlines()}
    assert {each.stream for each in recorded.values()} == marks
    assert [] == await call(other, "query", "usage:summary")


async def test_watcher_sees_a_replay_grow_at_ten_times_its_speed(
    recorded: dict[str, Recorded], empty: ServerProcess, other: ClientSession, tmp_path: Path
) -> None:
    told = recorded["openai/500,drip:30"]
    file = stretched(told, tmp_path / "slow.jsonl")
    thread = await new_thread(other, "watched")
    begun: dict[str, str] = {}

    async def replay() -> str:
        place = ("--thread", "watched", "--url", empty.url)
        said = await _stream("replay", str(file), "--speed", "10", *place, *ADMIN)
        begun.update(json.loads(said))
        return text_of(told.events)

    report = await run_script(
        node(JS / "replayed.mjs"),
        cwd=JS,
        env={"SERVER_URL": empty.url, "THREAD_ID": thread},
        handlers={"replay": replay},
    )
    report.expect("a watcher sees a replay grow")
    page = await call(
        other, "query", "streamEvents:getStreamEvents", streamId=begun["streamId"], limit=1000
    )
    events, slow = page["events"], read_lines(file.read_text())[1]

    assert thread == begun["threadId"]
    assert alike(told.events) == alike(events)
    for event, original in zip(events, slow, strict=True):
        due_ms = (original["ts"] - slow[0]["ts"]) / 10
        assert event["ts"] - events[0]["ts"] > due_ms - 50.0
    assert [] == await call(other, "query", "usage:summary")


async def test_recording_of_more_than_a_document_can_hold(other: ClientSession) -> None:
    deltas = [{"type": "text-delta", "partId": "a", "delta": "x" * 280} for _ in range(3_000)]
    events: Events = [
        {"type": "stream-start", "messageId": "m", "model": "a/b", "attempt": 1},
        {"type": "text-start", "partId": "a"},
        *deltas,
        {"type": "stream-stopped", "reason": "stopped", "by": "ada"},
    ]
    told = [{**event, "seq": seq, "ts": 5.0} for seq, event in enumerate(events, 1)]
    log = lines_of("elsewhere", told)
    assert len(log) > 1 << 20
    begun = await _internal(other, "replays:begin", replayOf="elsewhere")
    played = {"streamId": begun["streamId"], "log": log, "speed": 0}

    assert "stream-stopped" == await _internal(other, "replays:play", **played)
    again = await _internal(other, "replays:record", streamId=begun["streamId"])
    assert alike(told) == alike(read_lines(again)[1])


async def test_replay_is_stopped_like_any_answer(
    recorded: dict[str, Recorded], empty: ServerProcess, other: ClientSession, tmp_path: Path
) -> None:
    file = stretched(recorded["openai/500,drip:30"], tmp_path / "slow.jsonl")
    thread = await new_thread(other, "stopped")
    playing = asyncio.create_task(
        _stream("replay", str(file), "--thread", thread, "--url", empty.url, *ADMIN)
    )
    async with SyncClient() as client:
        await client.open(empty.sync_url)
        watching = await client.subscribe("messages:observe", {"threadId": thread})
        await client.until(lambda: bool(client.results[watching].value))
        stream = client.results[watching].value[0]["streamId"]
    await call(other, "mutation", "streams:stop", streamId=stream)
    await playing

    assert "stopped" == (await state_of(other, stream))["state"]


async def test_what_cannot_be_recorded_or_played(
    recorded: dict[str, Recorded], empty: ServerProcess, other: ClientSession, tmp_path: Path
) -> None:
    file = recorded["scripted/tools"].file
    server = ("--url", empty.url, *ADMIN)
    lines = file.read_text().splitlines(keepends=True)
    stream = json.dumps(recorded["scripted/tools"].stream)
    stopped = '"type": "stream-stopped", "ts": 1, "reason": "", "by": ""'
    broken = {
        "line 3: event 4 came after 2": [*lines[:2], *lines[3:]],
        "the end of the stream is missing": lines[:-1],
        "line 4: event 4 came after the end": [
            *lines[:2],
            f'{{"streamId": {stream}, "seq": 3, {stopped}}}\n',
            lines[3],
        ],
        "line 2: its ts is missing, or none": [lines[0], lines[1].replace('"ts"', '"at"')],
        "line 1: it is no JSON object": ["[1]"],
        "line 1: invalid literal": ["no recording"],
        "line 2: there is no event of type 'oops'": [
            lines[0],
            '{"streamId": "x", "seq": 2, "type": "oops", "ts": 1}',
        ],
    }
    thread = await new_thread(other, "refusing")
    sent, _ = await _internal(other, "messages:prepare", threadId=thread, prompt="x")
    (tmp_path / "empty").write_text("")
    said = await asyncio.gather(
        refused("export", "nothing", *server),
        refused("export", sent["streamId"], *server),
        refused("replay", str(tmp_path / "none"), *server),
        refused("replay", str(tmp_path / "empty"), *server),
        refused("replay", str(file), "--thread", "nowhere", *server),
        refused("replay", str(file), "--speed", "0", "--store", empty.store),
    )
    reasons = (
        "There is no stream 'nothing'.",
        "is still being made.",
        "cannot read",
        "the end of the stream is missing",
        "There is no thread 'nowhere'.",
        "is in use by another server; call that server with --url",
    )
    for reason, error in zip(reasons, said, strict=True):
        assert reason in error

    begun = await _internal(other, "replays:begin", replayOf="x", thread=thread)
    for reason, cut in broken.items():
        with pytest.raises(ValueError, match=reason):
            read_lines("".join(cut))
        error = await _failing(other, "replays:play", begun, log="".join(cut))
        assert reason.split("'")[0] in error["message"]
    slow = "".join(lines)
    for speed, reason in ((-1, "0 or more"), (1e-9, "it would take")):
        error = await _failing(other, "replays:play", begun, log=slow, speed=speed)
        assert reason in error["message"]
    played = {"streamId": begun["streamId"], "log": slow, "speed": 0}
    assert "stream-finish" == await _internal(other, "replays:play", **played)
    assert "conflict" == (await _failing(other, "replays:play", begun, log=slow))["code"]
    error = await _failing(other, "replays:play", {"streamId": sent["streamId"]}, log=slow)
    assert "not_found" == error["code"]


async def _post(site: ClientSession, path: str, args: dict[str, Any]) -> Any:
    module, _, name = path.partition(":")
    headers = {"Authorization": "Convex secret", "Content-Type": "application/json"}
    body = BytesIO(json.dumps({"args": args, "format": "json"}).encode())
    async with site.post(f"/api/run/{module}/{name}", data=body, headers=headers) as response:
        return await response.json()


async def _internal(site: ClientSession, path: str, **args: Any) -> Any:
    answer = await _post(site, path, args)
    assert answer["status"] == "success", answer
    return answer["value"]


async def _failing(site: ClientSession, path: str, begun: Any, **args: Any) -> Any:
    answer = await _post(site, path, {"streamId": begun["streamId"], **args})
    assert answer["status"] == "error", answer
    return answer["errorData"]


def test_without_a_server_the_project_is_opened(
    recorded: dict[str, Recorded], tmp_path: Path
) -> None:
    told = recorded["scripted/tools"]
    place = ("--project", str(ROOT), "--store", f"sqlite:///{tmp_path}/data.sqlite3")
    played = run_reactive("stream", "replay", str(told.file), "--speed", "0", *place)
    assert 0 == played.returncode, played.stderr
    again = run_reactive("stream", "export", json.loads(played.stdout)["streamId"], *place)

    assert f"played {len(told.events)} events, the last one stream-finish" in played.stderr
    assert alike(told.events) == alike(read_lines(again.stdout)[1])


async def test_replay_is_somebodys_where_people_log_in() -> None:
    auth = [{"issuer": "https://test.invalid", "jwks": forge.data_url(forge.ec_key())}]
    with own_modules():
        async with TestBackend(ROOT, auth=auth) as backend:
            ada, bob = backend.with_identity("ada"), backend.with_identity("bob")
            with pytest.raises(ApplicationError) as nobodys:
                await backend.mutation("replays:begin", replayOf="x")
            owner = {"userId": "https://test.invalid|ada"}
            begun = await backend.mutation("replays:begin", replayOf="x", **owner)
            thread = begun["threadId"]
            again = await backend.mutation("replays:begin", replayOf="x", thread=thread)

            assert 2 == len(await ada.query("messages:observe", threadId=thread))
            with pytest.raises(ApplicationError):
                await bob.query("messages:observe", threadId=thread)
    assert "whose replay it is" in str(nobodys.value.data)
    assert thread == again["threadId"]
