"""A whole system in virtual time: processes on one store, clients, and a network that loses things.

One seed decides everything: who does what and when, what is slow, what breaks. All that is asserted
holds for every message of every run.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from reactive.backend import ANYBODY, Caller, Identity
from reactive.engine.database import Database, Subscriber
from reactive.engine.subscriptions import SubscriptionIndex
from reactive.errors import UncertainCommitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.protocol.codec import decode_client_message
from reactive.protocol.version import UNKNOWN
from reactive.runtime.codec import Encoder
from reactive.runtime.guard import run_on_loop
from reactive.runtime.loader import load_project
from reactive.runtime.registry import FunctionDefinition
from reactive.runtime.runner import Project, Runner
from reactive.runtime.schema import Schema
from reactive.runtime.service import FunctionService
from reactive.session.rounds import Rounds
from reactive.session.worker import SessionWorker
from reactive.settings import Settings
from reactive.storage.memory import MemoryStore
from reactive.storage.memory_files import MemoryFiles
from reactive.testing.simulator import SimulatedClock, SimulatedLoop
from reactive.values.document import CommitEntry
from reactive.values.timestamp import decode_timestamp
from tests.session.peers import Add, Peer
from tests.simulation.stores import ProcessStore, State, Truth, Weather

T = TypeVar("T")

APP = Path(__file__).with_name("app")
SLOW = ("counters:slow_add", "counters:slow_move", "lines:slow_append")
COUNTERS = ("a", "b", "ada", "bob")
PAIRS = (("p", "q"), ("r", "s"))
LISTS = ("x", "y")
USERS = (None, "ada", "bob")
FOREVER_S = 1e6


@cache
def app() -> Project:
    """The app, imported once for all runs."""
    return load_project(APP, "exact")


class SlowRunner(Runner):
    """Some functions are always slow."""

    def must_use_worker(self, definition: FunctionDefinition) -> bool:
        return definition.path in SLOW


class LoopWorkers:
    """Runs what would run in threads on the loop: its transactions end outside of the slot too."""

    async def run(self, coroutine: Any, context: Context) -> Any:
        return await run_on_loop(coroutine, context, FOREVER_S)

    def close(self) -> None:
        pass


class OrderedSubscriptions(SubscriptionIndex[Subscriber]):
    """Wakes in the order of subscribing, which unlike addresses is the same in every run."""

    def touched(self, entry: CommitEntry) -> set[Subscriber]:
        hit = super().touched(entry)
        return dict.fromkeys(each for each in self._reads if each in hit)  # type: ignore[return-value]


class Service(FunctionService):
    """Takes any token for the name of its user."""

    async def identify(self, token: str) -> Caller:
        return Caller(Identity(f"issuer|{token}", token, "issuer", {"sub": token}))


@dataclass(frozen=True)
class Plan:
    """What kind of run it is."""

    processes: int = 1
    wander: bool = True
    """Whether a client that comes back may come to another process."""
    clients: int = 12
    actions: int = 14
    crashes: float = 0.0
    refusals: float = 0.0


class Process:
    """One server on the shared store."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.number = number
        world.everything.append(self)
        self.links: dict[Link, None] = {}
        self.store = ProcessStore(world.memory, world.truth, world.weather)
        skew_ns = world.dice.randrange(50_000_000)
        clock = SimulatedClock(asyncio.get_running_loop(), 1_700_000_000_000_000_000 + skew_ns)
        self.database = Database(self.store, clock, world.limits, self._die)
        self.database._subscriptions = OrderedSubscriptions()
        runner = SlowRunner(world.limits, clock, self.store, case="exact", redact=False)
        runner._workers = LoopWorkers()  # type: ignore[assignment]
        runner._dice = random.Random(world.dice.getrandbits(64))
        self.service = Service(
            self.database,
            runner,
            world.limits,
            clock,
            files=MemoryFiles(world.limits, clock),
            settings=Settings(),
        )
        self.rounds = Rounds(clock, world.limits)
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.database.open()
        await self.database.define(self.world.project.schema.specs)
        self.service.serve(self.world.project)
        if self.world.plan.processes > 1:
            self._following = asyncio.ensure_future(self.database.follow())

    def _die(self, error: UncertainCommitError) -> None:
        if self.store.is_dead:
            return
        self.end()
        for link in list(self.links):
            link.lose()
        self.world.tasks.create_task(self.world.restart(self.number))

    def end(self) -> None:
        """Ends at once: nothing that it had accepted will ever be tried again."""
        self.store.is_dead = True
        self.database._committer._queue.clear()
        self.database._committer._call = lambda: None  # type: ignore[method-assign]
        if self._following is not None:
            self._following.cancel()


class Link:
    """A socket between a client and a process. What is on its way when it breaks is lost."""

    def __init__(self, client: "Client", process: Process) -> None:
        self.client = client
        self.process = process
        self.is_lost = False
        world = client.world
        self._up: asyncio.Queue[str] = asyncio.Queue()
        self._down: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
        self._unread = 0
        self._held: list[bytes] = []
        self.worker = SessionWorker(process.service, self, process.rounds, world.limits, UNKNOWN)
        process.links[self] = None
        self._tasks = [
            world.tasks.create_task(self._carry_up()),
            world.tasks.create_task(self._carry_down()),
        ]

    def say(self, text: str) -> None:
        self._up.put_nowait(text)

    async def _carry_up(self) -> None:
        while True:
            text = await self._up.get()
            await self.client.world.weather.lag()
            await self.worker.receive(decode_client_message(text))

    async def _carry_down(self) -> None:
        while True:
            text, is_transition = await self._down.get()
            for _ in range(self.client.slowness):
                await self.client.world.weather.lag()
            self._unread -= is_transition
            self.client.hear(text)

    # What the session sees of it

    def send(self, text: bytes) -> None:
        self.flush()
        self._down.put_nowait((text, False))

    def hold(self, text: bytes) -> None:
        self._held.append(text)

    def flush(self) -> None:
        for text in self._held:
            self._down.put_nowait((text, False))
        self._held.clear()

    def send_transition(self, text: bytes) -> None:
        self.flush()
        self._unread += 1
        self._down.put_nowait((text, True))

    def is_slow(self) -> bool:
        return self._unread >= self.client.world.limits.transitions_waiting_max

    def close(self, code: int | None, reason: str) -> None:
        assert code is not None, f"the server ends a socket for good: {reason}"
        self.lose()

    def lose(self) -> None:
        """Breaks. The server may take some time to notice."""
        if self.is_lost:
            return
        self.is_lost = True
        del self.process.links[self]
        for task in self._tasks:
            task.cancel()
        loop = asyncio.get_running_loop()
        loop.call_later(self.client.world.dice.random() * 0.3, self.worker.close)
        self.client.lost()


class Client:
    """One user at one window."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.number = number
        self.dice = random.Random(world.dice.getrandbits(64))
        self.peer = Peer(number)
        self.slowness = self.dice.choice([1, 1, 8])
        self.users: list[str | None] = []
        self.link: Link | None = None
        self.sent_again: set[int] = set()
        self._texts = 0

    # The network

    async def connect(self) -> None:
        """Tries until a process takes it."""
        while self.link is None:
            await asyncio.sleep(self.dice.random() * 0.2)
            processes = self.world.processes
            home = self.number % len(processes)
            process = self.dice.choice(processes) if self.world.plan.wander else processes[home]
            if process.store.is_dead:
                continue
            self.link = Link(self, process)
            self.users = [None] if self.peer.token is None else [None, self.peer.token]
            self.sent_again = set(self.peer.calls)
            for text in self.peer.connect():
                self.link.say(text)

    def lost(self) -> None:
        self.link = None
        self.world.tasks.create_task(self.connect())

    def say(self, make: Callable[[], str]) -> None:
        """Says it now, or, without a socket, with all that is said on the next one."""
        text = make()
        if self.link is not None:
            self.link.say(text)

    # What it does

    async def live(self) -> None:
        """Does this and that for a while."""
        await self.connect()
        for _ in range(self.world.plan.actions):
            # Some things are done at once, others after a while.
            if self.dice.random() < 0.6:
                await asyncio.sleep(self.dice.expovariate(5))
            self._act()

    def _act(self) -> None:
        peer, dice, chance = self.peer, self.dice, self.dice.random()
        if chance < 0.50:
            path, args = self._some_mutation()
            self.say(lambda: peer.call("Mutation", path, args))
        elif chance < 0.72:
            adds = [self._some_query() for _ in range(dice.randint(1, 3))]
            self.say(lambda: peer.modify(adds))
        elif chance < 0.80 and peer.queries:
            gone = dice.choice(sorted(peer.queries))
            self.say(lambda: peer.modify((), [gone]))
        elif chance < 0.86:
            user = dice.choice(USERS)
            self.users.append(user)
            self.say(lambda: peer.authenticate(user))
        elif chance < 0.96 and self.link is not None:
            self.link.lose()

    def _some_mutation(self) -> tuple[str, dict[str, Any]]:
        dice = self.dice
        left, right = dice.choice(PAIRS)
        self._texts += 1
        favourite = LISTS[self.number % len(LISTS)]
        line = {
            "list_name": dice.choice((*LISTS, favourite, favourite)),
            "text": f"{self.peer.session_id} {self._texts}",
        }
        mutations: list[tuple[str, dict[str, Any]]] = [
            ("counters:add", {"name": dice.choice(COUNTERS), "by": 1}),
            ("counters:add", {"name": dice.choice(COUNTERS), "by": 1}),
            ("counters:slow_add", {"name": dice.choice(COUNTERS), "by": 1}),
            ("counters:move", {"left": left, "right": right}),
            ("counters:slow_move", {"left": left, "right": right}),
            ("counters:add_and_fail", {"name": dice.choice(COUNTERS)}),
            ("lines:append", line),
            ("lines:append", line),
            ("lines:slow_append", line),
        ]
        return dice.choice(mutations)

    def _some_query(self) -> Add:
        dice = self.dice
        left, right = dice.choice(PAIRS)
        options = {"numItems": dice.randint(1, 4), "cursor": None}
        queries: list[tuple[str, dict[str, Any]]] = [
            ("counters:get", {"name": dice.choice((*COUNTERS, left, right))}),
            ("counters:pair", {"left": left, "right": right}),
            ("counters:total", {}),
            ("counters:even_only", {"name": dice.choice(COUNTERS)}),
            ("counters:mine", {}),
            ("who:me", {}),
            ("lines:texts", {"list_name": dice.choice(LISTS)}),
            ("lines:last", {"list_name": dice.choice(LISTS)}),
            ("lines:page", {"list_name": dice.choice(LISTS), "options": options}),
        ]
        return Add(*dice.choice(queries))

    def hear(self, text: bytes) -> None:
        """Takes a message, and holds what the client now shows against the truth."""
        before = self.peer.version.ts
        message = self.peer.receive(text)
        if message["type"] == "Transition":
            self.check()
        elif message["success"] and message["requestId"] not in self.sent_again:
            # Else the client would apply its optimistic update on top of the write itself. Only a
            # process that has missed commits of its own, and cannot know whose, may do that.
            assert self.world.can_miss_commits or before < decode_timestamp(message["ts"]), (
                "a write is seen before its answer"
            )

    def check(self) -> None:
        version = self.peer.version
        state = self.world.truth.at(version.ts)
        user = self.users[version.identity]
        for query_id, told in self.peer.results.items():
            query = self.peer.queries[query_id]
            value = told.value if told.error is None else {"error": told.value}
            if query.path == "lines:page":
                check_page(value, query.args, state)
            else:
                assert expected(query, user, state) == value, (query, version)


def expected(query: Add, user: str | None, state: State) -> Any:
    """What a query must give: the app once more, in one line each."""
    args, counters = query.args, state.counters
    name = "nobody" if user is None else user
    if query.path == "counters:get":
        return counters.get(args["name"], 0)
    if query.path == "counters:pair":
        return [counters.get(args["left"], 0), counters.get(args["right"], 0)]
    if query.path == "counters:total":
        return sum(counters.values())
    if query.path == "counters:even_only":
        value = counters.get(args["name"], 0)
        return {"error": value} if value % 2 else value
    if query.path == "counters:mine":
        return counters.get(name, 0)
    if query.path == "who:me":
        return name
    texts = state.lines.get(args["list_name"], [])
    if query.path == "lines:texts":
        return texts
    return texts[-1] if texts else None


def check_page(page: dict[str, Any], args: dict[str, Any], state: State) -> None:
    """A first page shows the beginning of its list; only one that is open at its end grows."""
    texts = state.lines.get(args["list_name"], [])
    shown = [line["text"] for line in page["page"]]
    assert texts[: len(shown)] == shown
    assert page["isDone"] is (len(shown) == len(texts)) or not page["isDone"]
    if not page["isDone"]:
        assert args["options"]["numItems"] == len(shown), "nothing is ever inserted before its end"


class World:
    """Everything there is in one run."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.plan = plan
        self.dice = dice = random.Random(seed)
        self.limits: Limits = replace(
            DEFAULT_LIMITS,
            loop_hold_s=FOREVER_S,
            user_time_s=FOREVER_S,
            commit_batch_max=dice.choice([1, 3, 128]),
            log_entries_max=dice.choice([3, 20, 20_000]),
            cache_entries_max=dice.choice([0, 2, 1_000]),
            round_slice_s=dice.choice([0.0, 0.01]),
            retry_backoff_s=0.01,
        )
        self.can_miss_commits = plan.processes > 1 and self.limits.log_entries_max < 1_000
        whole = app()
        self.project = Project(
            whole.registry, Schema(tuple(whole.schema.classes), "exact"), Encoder("exact")
        )
        self.memory = MemoryStore(self.limits, seed)
        self.truth = Truth(self.memory)
        self.weather = Weather(
            random.Random(dice.getrandbits(64)),
            lag_s=dice.choice([0.001, 0.05, 0.2]),
            refusals=plan.refusals,
            crashes=plan.crashes,
        )
        self.processes: list[Process] = []
        self.everything: list[Process] = []
        self.clients = [Client(self, number) for number in range(plan.clients)]
        self.tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """Lets them live, lets the weather calm down, and looks at what is left."""
        async with self.tasks:
            self.project.schema.bind(self.memory)
            for number in range(self.plan.processes):
                self.processes.append(Process(self, number))
                await self.processes[number].start()
            await asyncio.gather(*[client.live() for client in self.clients])
            self.weather.is_calm = True
            await asyncio.sleep(60)
            await self.check_quiet()
            await self.check()
            raise _OverError

    async def restart(self, number: int) -> None:
        await asyncio.sleep(self.dice.random())
        process = Process(self, number)
        await process.start()
        self.processes[number] = process

    async def check_quiet(self) -> None:
        """Who has nothing to say and nothing to hear does nothing."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        turns = loop.turns
        await asyncio.sleep(60)
        assert loop.turns - turns < 100 * len(self.clients), "somebody is busy for nothing"

    async def check(self) -> None:
        state = self.truth.newest
        for client in self.clients:
            client.peer.check_at_rest()
            assert client.link is not None
            fresh = client.link.process
            for query_id, told in client.peer.results.items():
                query = client.peer.queries[query_id]
                if query.path in ("counters:total", "lines:texts"):
                    outcome = await fresh.service.query(query.path, query.args, ANYBODY)
                    assert json.loads(outcome.value or b"") == told.value
        self._check_calls(state)
        for process in self.processes:
            assert self.memory._head == process.database.head

    def _check_calls(self, state: State) -> None:
        """Every mutation that succeeded took effect once, and no other one did."""
        added: dict[str, list[int]] = {}
        moved: dict[str, int] = {}
        for client in self.clients:
            said: dict[str, list[str]] = {}
            for request in sorted(client.peer.calls):
                call = client.peer.calls[request]
                assert call.response is not None
                if not call.response["success"]:
                    is_refused = "disk is full" in call.response["result"]
                    assert is_refused or call.path == "counters:add_and_fail", call
                elif call.path.endswith("add"):
                    added.setdefault(call.args["name"], []).append(int(call.response["result"]))
                elif call.path.endswith("move"):
                    moved[call.args["left"]] = moved.get(call.args["left"], 0) + 1
                else:
                    text, name = call.args["text"], call.args["list_name"]
                    place = int(call.response["result"])
                    assert state.lines[name][place - 1] == text
                    said.setdefault(name, []).append(text)
            for name, texts in said.items():
                mine = [text for text in state.lines[name] if text in texts]
                # One that was refused, but whose answer was lost, is tried again behind the others.
                assert mine == texts or (self.plan.refusals and sorted(mine) == sorted(texts))
        for name in COUNTERS:
            count = state.counters.get(name, 0)
            assert list(range(1, count + 1)) == sorted(added.get(name, []))
        for left, right in PAIRS:
            count = moved.get(left, 0)
            assert (-count, count) == (state.counters.get(left, 0), state.counters.get(right, 0))
        lines = sum(map(len, state.lines.values()))
        appended = [
            call
            for client in self.clients
            for call in client.peer.calls.values()
            if call.path.endswith("append") and call.response and call.response["success"]
        ]
        assert len(appended) == lines


class _OverError(Exception):
    """Ends the tasks that would go on for ever."""


async def run(seed: int, plan: Plan) -> None:
    """One run.

    Raises:
        BaseException: the first thing that went wrong.
    """
    world = World(seed, plan)
    try:
        await world.run()
    except BaseExceptionGroup as group:
        _, rest = group.split(_OverError)
        if rest is not None:
            raise rest.exceptions[0] from None
    finally:
        for process in world.everything:
            process.end()
