"""A server of the sync protocol that lives in one step at a time, for tests of the pure half.

It keeps counters. Every commit has its own timestamp, and `value_at` knows all of the past.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.wire_values import ts_number, ts_text

Message = dict[str, Any]


@dataclass
class FakeSocket:
    """The server's end of one socket, and what is on its way in both directions."""

    inbox: list[str] = field(default_factory=list)
    outbox: list[str] = field(default_factory=list)
    session: str | None = None
    version: tuple[int, int, int] = (0, 0, 0)
    query_set: int = 0
    identity: int = 0
    user: str | None = None
    queries: dict[int, str] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    owes: bool = False


class FakeServer:
    def __init__(self) -> None:
        self.head = 0
        self.history: dict[str, list[tuple[int, int]]] = defaultdict(lambda: [(0, 0)])
        self.receipts: dict[int, tuple[int, int]] = {}
        self.runs: dict[int, int] = defaultdict(int)
        self.transition_ids = 0

    def value_at(self, name: str, ts: int) -> int:
        return next(value for at, value in reversed(self.history[name]) if at <= ts)

    def commit(self, name: str, by: int) -> int:
        self.head += 1
        value = self.value_at(name, self.head) + by
        self.history[name].append((self.head, value))
        return value

    def read(self, socket: FakeSocket) -> None:
        """Takes the next message of the client."""
        message = json.loads(socket.inbox.pop(0))
        match message["type"]:
            case "Connect":
                assert socket.session is None
                socket.session = message["sessionId"]
                if "maxObservedTimestamp" in message:
                    assert 0 < ts_number(message["maxObservedTimestamp"]) <= self.head
            case "ModifyQuerySet":
                self._modify(socket, message)
            case "Authenticate":
                assert message["baseVersion"] == socket.identity
                socket.identity += 1
                socket.user = message.get("value")
                socket.owes = True
            case "Mutation":
                self._mutate(socket, message)
            case "Action":
                self.runs[message["requestId"]] += 1
                self._answer(socket, message, success=True, result=1.0, kind="Action")
            case other:
                raise AssertionError(other)

    def _modify(self, socket: FakeSocket, message: Message) -> None:
        assert socket.session is not None
        assert message["baseVersion"] == socket.query_set
        assert message["newVersion"] == socket.query_set + 1
        socket.query_set += 1
        socket.owes = True
        for each in message["modifications"]:
            query_id = each["queryId"]
            if each["type"] == "Add":
                assert query_id not in socket.queries
                assert each["udfPath"] == "counters:get"
                socket.queries[query_id] = each["args"][0]["name"]
            else:
                del socket.queries[query_id]
                socket.told.pop(query_id, None)
                socket.removed.append(query_id)

    def _mutate(self, socket: FakeSocket, message: Message) -> None:
        request_id = message["requestId"]
        assert request_id not in socket.answered, "sent twice on one socket"
        args = message["args"][0]
        if request_id not in self.receipts:
            if args["fails"]:
                self._answer(socket, message, success=False, result="[Request ID: x] no", ts=None)
                return
            # Mutations of one client take effect in the order of their calls.
            assert not self.receipts or request_id > max(self.receipts)
            self.runs[request_id] += 1
            value = self.commit(args["name"], int(args["by"]))
            self.receipts[request_id] = (value, self.head)
        value, ts = self.receipts[request_id]
        self._answer(socket, message, success=True, result=float(value), ts=ts_text(ts))

    def _answer(
        self, socket: FakeSocket, message: Message, kind: str = "Mutation", **answer: Any
    ) -> None:
        request_id = message["requestId"]
        socket.answered.add(request_id)
        socket.owes = True
        text = {"type": f"{kind}Response", "requestId": request_id, "logLines": [], **answer}
        socket.outbox.append(json.dumps(text))

    def has_news(self, socket: FakeSocket) -> bool:
        return socket.owes or socket.version[2] < self.head

    def transition(self, socket: FakeSocket, parts: int = 1) -> None:
        """Brings the client to the present."""
        socket.owes = False
        start, end = socket.version, (socket.query_set, socket.identity, self.head)
        modifications: list[Message] = [
            {"type": "QueryRemoved", "queryId": query_id} for query_id in socket.removed
        ]
        socket.removed.clear()
        for query_id, name in socket.queries.items():
            value = json.dumps(float(self.value_at(name, self.head)))
            if socket.told.get(query_id) != value:
                socket.told[query_id] = value
                modifications.append(
                    {
                        "type": "QueryUpdated",
                        "queryId": query_id,
                        "value": json.loads(value),
                        "logLines": [],
                        "journal": f"{name} {self.head}",
                    }
                )
        socket.version = end
        text = json.dumps(
            {
                "type": "Transition",
                "startVersion": _version(start),
                "endVersion": _version(end),
                "modifications": modifications,
            }
        )
        if parts == 1:
            socket.outbox.append(text)
            return
        self.transition_ids += 1
        width = -(-len(text) // parts)
        pieces = [text[at : at + width] for at in range(0, len(text), width)]
        for number, piece in enumerate(pieces):
            chunk = {
                "type": "TransitionChunk",
                "chunk": piece,
                "partNumber": number,
                "totalParts": len(pieces),
                "transitionId": str(self.transition_ids),
            }
            socket.outbox.append(json.dumps(chunk))


def _version(version: tuple[int, int, int]) -> Message:
    return {"querySet": version[0], "identity": version[1], "ts": ts_text(version[2])}
