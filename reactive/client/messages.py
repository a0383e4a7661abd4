"""Both sides of the sync protocol as this client speaks it: text to send, messages received."""

from typing import Any, NamedTuple

import orjson

from reactive.client.errors import ProtocolError
from reactive.client.results import Failed, QueryKey, Result, Value
from reactive.errors import CallError
from reactive.protocol.messages import StateVersion
from reactive.values.encoding import JsonBytes, dump_wire
from reactive.values.timestamp import Timestamp, decode_timestamp, encode_timestamp

# What the client says


class Credential(NamedTuple):
    """Who the client is: `token_type` is `User` or `Admin`."""

    token_type: str
    value: str


def connect_text(
    session_id: str, count: int, reason: str, observed: Timestamp, client_ms: int
) -> JsonBytes:
    """The first message on a socket."""
    message: dict[str, Any] = {
        "type": "Connect",
        "sessionId": session_id,
        "connectionCount": count,
        "lastCloseReason": reason,
        "clientTs": client_ms,
    }
    if observed:
        message["maxObservedTimestamp"] = encode_timestamp(observed)
    return orjson.dumps(message)


def authenticate_text(base_version: int, credential: Credential | None) -> JsonBytes:
    """A new identity, or none."""
    message: dict[str, Any] = {"type": "Authenticate", "baseVersion": base_version}
    if credential is None:
        message["tokenType"] = "None"
    else:
        message["tokenType"] = credential.token_type
        message["value"] = credential.value
    return orjson.dumps(message)


def add_text(query_id: int, key: QueryKey, journal: str | None) -> JsonBytes:
    """The modification that begins a query."""
    return b'{"type":"Add","queryId":%d,"udfPath":%b,"args":[%b],"journal":%b}' % (
        query_id,
        orjson.dumps(key.path),
        key.args,
        orjson.dumps(journal),
    )


def remove_text(query_id: int) -> JsonBytes:
    """The modification that ends a query."""
    return b'{"type":"Remove","queryId":%d}' % query_id


def modify_text(base_version: int, modifications: list[JsonBytes]) -> JsonBytes:
    """A change of the query set, to the next version."""
    return b'{"type":"ModifyQuerySet","baseVersion":%d,"newVersion":%d,"modifications":[%b]}' % (
        base_version,
        base_version + 1,
        b",".join(modifications),
    )


def request_text(kind: str, request_id: int, key: QueryKey) -> JsonBytes:
    """A call; `kind` is `Mutation` or `Action`."""
    return b'{"type":"%b","requestId":%d,"udfPath":%b,"args":[%b]}' % (
        kind.encode(),
        request_id,
        orjson.dumps(key.path),
        key.args,
    )


# What the server says


class QueryTold(NamedTuple):
    """The news of one query. `journal` is meant where `has_journal`; no result: it is removed."""

    query_id: int
    result: Result | None
    journal: str | None
    has_journal: bool
    log_lines: tuple[str, ...]


class Transition(NamedTuple):
    """All queries move from one version to another."""

    start: StateVersion
    end: StateVersion
    told: tuple[QueryTold, ...]


class TransitionChunk(NamedTuple):
    """A part of the text of a Transition."""

    text: str
    number: int
    total: int
    transition_id: str


class Response(NamedTuple):
    """The answer to a call; `ts` is a successful mutation's commit, otherwise 0."""

    kind: str
    request_id: int
    outcome: Result
    ts: Timestamp
    log_lines: tuple[str, ...]


class AuthRefused(NamedTuple):
    """An Authenticate was refused, or the identity that it brought has expired."""

    message: str
    base_version: int
    attempted: bool


class Fatal(NamedTuple):
    """The server does not want this client to come back."""

    message: str


class Ping(NamedTuple):
    """The server is there."""


ServerMessage = Transition | TransitionChunk | Response | AuthRefused | Fatal | Ping


def decode_server_message(text: str | bytes) -> ServerMessage:
    """Reads one message.

    Raises:
        ProtocolError: when it is none that a server may send; says what is wrong.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ProtocolError(f"a message is not valid JSON: {error}") from error
    try:
        return _decode(message)
    except KeyError as error:
        raise ProtocolError(f"a {message['type']} lacks {error}") from error
    except (TypeError, CallError) as error:
        raise ProtocolError(f"a message is malformed: {error}") from error


def _decode(message: Any) -> ServerMessage:
    if not isinstance(message, dict):
        raise ProtocolError("a message is no object")
    kind = message.get("type")
    match kind:
        case "Transition":
            return Transition(
                _version(message["startVersion"]),
                _version(message["endVersion"]),
                tuple(map(_told, message["modifications"])),
            )
        case "TransitionChunk":
            return TransitionChunk(
                _text(message["chunk"]),
                _integer(message["partNumber"]),
                _integer(message["totalParts"]),
                _text(message["transitionId"]),
            )
        case "MutationResponse" | "ActionResponse":
            return _response(message, kind.removesuffix("Response"))
        case "AuthError":
            return AuthRefused(
                _text(message["error"]),
                _integer(message["baseVersion"]),
                bool(message.get("authUpdateAttempted")),
            )
        case "FatalError":
            return Fatal(_text(message["error"]))
        case "Ping":
            return Ping()
        case _:
            raise ProtocolError(f"a message has the unknown type {kind!r:.80}")


def _response(message: dict[str, Any], kind: str) -> Response:
    outcome: Result
    ts = 0
    if message["success"]:
        outcome = Value(dump_wire(message["result"]))
        if kind == "Mutation":
            ts = decode_timestamp(message["ts"])
    else:
        outcome = Failed.told(_text(message["result"]), _error_data(message))
    return Response(kind, _integer(message["requestId"]), outcome, ts, _lines(message["logLines"]))


def _told(each: dict[str, Any]) -> QueryTold:
    query_id = _integer(each["queryId"])
    result: Result
    match each["type"]:
        case "QueryUpdated":
            result = Value(dump_wire(each["value"]))
        case "QueryFailed":
            result = Failed.told(_text(each["errorMessage"]), _error_data(each))
        case "QueryRemoved":
            return QueryTold(query_id, None, None, False, ())
        case other:
            raise ProtocolError(f"a modification has the unknown type {other!r:.80}")
    journal = each.get("journal")
    if journal is not None:
        journal = _text(journal)
    return QueryTold(query_id, result, journal, "journal" in each, _lines(each["logLines"]))


def _error_data(message: dict[str, Any]) -> JsonBytes | None:
    return dump_wire(message["errorData"]) if "errorData" in message else None


def _version(version: dict[str, Any]) -> StateVersion:
    return StateVersion(
        _integer(version["querySet"]),
        _integer(version["identity"]),
        decode_timestamp(version["ts"]),
    )


def _integer(value: object) -> int:
    if type(value) is not int:
        raise ProtocolError(f"{value!r:.80} is no integer")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ProtocolError(f"{value!r:.80} is no text")
    return value


def _lines(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ProtocolError(f"{value!r:.80} are no log lines")
    return tuple(map(_text, value))
