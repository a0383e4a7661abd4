"""Between the text of the sync protocol and its messages.

Results are spliced into messages as the bytes they are; nothing here parses or encodes a value.
Every server message is text of these forms, keys in an order that costs nothing.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import orjson

from reactive.backend import CallOutcome, Failure, QueryOutcome
from reactive.errors import CallError
from reactive.protocol.messages import (
    AddQuery,
    Authenticate,
    ClientMessage,
    Connect,
    Event,
    ModifyQuerySet,
    RemoveQuery,
    RunAction,
    RunMutation,
    StateVersion,
)
from reactive.values.encoding import JsonBytes
from reactive.values.timestamp import Timestamp, decode_timestamp, encode_timestamp

PING = b'{"type":"Ping"}'
_U32_MAX = 2**32 - 1
_CLIENT_MS_MAX = 2**53


def decode_client_message(data: bytes | str) -> ClientMessage:
    """Reads one message.

    Raises:
        CallError: `WSMessageInvalidJson`, with what is wrong.
    """
    try:
        message = orjson.loads(data)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise _invalid(str(error)) from error
    if not isinstance(message, dict):
        raise _invalid("a message is an object")
    kind = message.get("type")
    decode = _DECODERS.get(kind) if isinstance(kind, str) else None
    if decode is None:
        raise _invalid(f"unknown message type {kind!r:.80}")
    return decode(message)


def _decode_mutation(message: dict[str, Any]) -> RunMutation:
    request_id, path = message.get("requestId"), message.get("udfPath")
    if type(request_id) is not int or not 0 <= request_id <= _U32_MAX or type(path) is not str:
        # One of these says what is wrong.
        request_id, path = _integer(message, "requestId"), _text(message, "udfPath")
    return RunMutation(request_id, path, _arguments(message.get("args")))


def _decode_action(message: dict[str, Any]) -> RunAction:
    request_id, path = _integer(message, "requestId"), _text(message, "udfPath")
    return RunAction(request_id, path, _arguments(message.get("args")))


def _decode_connect(message: dict[str, Any]) -> Connect:
    session_id = _text(message, "sessionId")
    try:
        session_id = str(uuid.UUID(session_id))
    except ValueError as error:
        raise _invalid(f"sessionId {session_id!r:.80} is no UUID") from error
    observed = message.get("maxObservedTimestamp")
    try:
        observed_ts = decode_timestamp(observed) if observed is not None else 0
    except CallError as error:
        raise _invalid(error.message) from error
    # Rust clients send 0; a fraction or a text is a clock that nobody can read.
    client_ms = message.get("clientTs")
    shows_clock = type(client_ms) is int and 0 < client_ms < _CLIENT_MS_MAX
    return Connect(session_id, observed_ts, client_ms if shows_clock else None)


def _decode_modify(message: dict[str, Any]) -> ModifyQuerySet:
    modifications = message.get("modifications")
    if not isinstance(modifications, list):
        raise _invalid("modifications must be an array")
    return ModifyQuerySet(
        _integer(message, "baseVersion"),
        _integer(message, "newVersion"),
        tuple(map(_decode_modification, modifications)),
    )


def _decode_modification(each: Any) -> AddQuery | RemoveQuery:
    if isinstance(each, dict):
        if each.get("type") == "Add":
            journal = each.get("journal")
            if journal is not None and not isinstance(journal, str):
                raise _invalid("a journal is a string or null")
            return AddQuery(
                _integer(each, "queryId"),
                _text(each, "udfPath"),
                _arguments(each.get("args")),
                journal,
            )
        if each.get("type") == "Remove":
            return RemoveQuery(_integer(each, "queryId"))
    raise _invalid("a modification is an Add or a Remove")


def _decode_authenticate(message: dict[str, Any]) -> Authenticate:
    token_type = _text(message, "tokenType")
    if token_type not in ("User", "Admin", "None"):
        raise _invalid(f"unknown tokenType {token_type!r:.80}")
    value = _text(message, "value") if token_type != "None" else ""
    acting_as = message.get("impersonating") or message.get("acting_as")
    if acting_as is not None and not isinstance(acting_as, dict):
        raise _invalid("impersonating must be an object")
    return Authenticate(_integer(message, "baseVersion"), token_type, value, acting_as)


def _decode_event(message: dict[str, Any]) -> Event:
    return Event(str(message.get("eventType")))


_DECODERS: dict[object, Callable[[dict[str, Any]], ClientMessage]] = {
    "Mutation": _decode_mutation,
    "ModifyQuerySet": _decode_modify,
    "Action": _decode_action,
    "Connect": _decode_connect,
    "Authenticate": _decode_authenticate,
    "Event": _decode_event,
}


def _arguments(args: Any) -> Any:
    """The one argument object; what is not of that form is refused when the function is called."""
    return args[0] if isinstance(args, list) and len(args) == 1 else args


def _integer(message: dict[str, Any], key: str) -> int:
    value = message.get(key)
    if type(value) is not int or not 0 <= value <= _U32_MAX:
        raise _invalid(f"{key} must be an integer from 0 to 2^32 - 1")
    return value


def _text(message: dict[str, Any], key: str) -> str:
    value = message.get(key)
    if not isinstance(value, str):
        raise _invalid(f"{key} must be a string")
    return value


def _invalid(reason: str) -> CallError:
    return CallError(f"Received Invalid JSON on websocket: {reason}", code="WSMessageInvalidJson")


# Server messages


def query_piece(query_id: int, outcome: QueryOutcome) -> JsonBytes:
    """The modification that tells a query's outcome."""
    tail = b',"logLines":%b,"journal":%b}' % (outcome.log_lines, orjson.dumps(outcome.journal))
    if outcome.failure is None:
        return b'{"type":"QueryUpdated","queryId":%d,"value":%b%b' % (
            query_id,
            outcome.value or b"null",
            tail,
        )
    return b'{"type":"QueryFailed","queryId":%d,"errorMessage":%b%b%b' % (
        query_id,
        orjson.dumps(outcome.failure.text),
        _error_data(outcome.failure),
        tail,
    )


def removed_piece(query_id: int) -> JsonBytes:
    """The modification that confirms the end of a query."""
    return b'{"type":"QueryRemoved","queryId":%d}' % query_id


def encode_transition(
    start: StateVersion,
    end: StateVersion,
    pieces: Iterable[JsonBytes],
    server_ts: int,
    skew_ms: int | None = None,
) -> JsonBytes:
    """A Transition from one version to another; `skew_ms`: how far ahead the client's clock is."""
    return (
        b'{"type":"Transition","startVersion":%b,"endVersion":%b,"modifications":[%b]%b,"serverTs":%d}'
        % (
            _encode_version(start),
            _encode_version(end),
            b",".join(pieces),
            b"" if skew_ms is None else b',"clientClockSkew":%d' % skew_ms,
            server_ts,
        )
    )


@lru_cache(maxsize=256)
def _encode_version(version: StateVersion) -> JsonBytes:
    return b'{"querySet":%d,"identity":%d,"ts":"%b"}' % (
        version.query_set,
        version.identity,
        encode_timestamp(version.ts).encode(),
    )


def encode_chunks(
    transition: JsonBytes, chunk_bytes: int, transition_id: str
) -> Iterator[JsonBytes]:
    """The text of a Transition cut into TransitionChunks."""
    text = transition.decode()
    # Escaping at most doubles the usual text, and a character has up to four bytes.
    width = max(1, chunk_bytes // 2 if text.isascii() else chunk_bytes // 4)
    parts = [text[at : at + width] for at in range(0, len(text), width)]
    for number, part in enumerate(parts):
        yield orjson.dumps(
            {
                "type": "TransitionChunk",
                "chunk": part,
                "partNumber": number,
                "totalParts": len(parts),
                "transitionId": transition_id,
            }
        )


def encode_mutation_response(request_id: int, outcome: CallOutcome) -> JsonBytes:
    """The answer to a mutation."""
    if outcome.failure is None:
        return (
            b'{"type":"MutationResponse","requestId":%d,"success":true,"result":%b,"ts":"%b","logLines":%b}'
            % (
                request_id,
                outcome.value or b"null",
                encode_timestamp(outcome.ts).encode(),
                outcome.log_lines,
            )
        )
    return (
        b'{"type":"MutationResponse","requestId":%d,"success":false,"result":%b,"ts":null,"logLines":%b%b}'
        % (
            request_id,
            orjson.dumps(outcome.failure.text),
            outcome.log_lines,
            _error_data(outcome.failure),
        )
    )


def encode_action_response(request_id: int, outcome: CallOutcome) -> JsonBytes:
    """The answer to an action."""
    if outcome.failure is None:
        return (
            b'{"type":"ActionResponse","requestId":%d,"success":true,"result":%b,"logLines":%b}'
            % (
                request_id,
                outcome.value or b"null",
                outcome.log_lines,
            )
        )
    return (
        b'{"type":"ActionResponse","requestId":%d,"success":false,"result":%b,"logLines":%b%b}'
        % (
            request_id,
            orjson.dumps(outcome.failure.text),
            outcome.log_lines,
            _error_data(outcome.failure),
        )
    )


def encode_fatal_error(message: str) -> JsonBytes:
    """The end of a JavaScript client: it will not come back."""
    return orjson.dumps({"type": "FatalError", "error": message})


def encode_auth_error(message: str, base_version: int, *, attempted: bool) -> JsonBytes:
    """A token was refused, or has expired. The socket must be closed right after."""
    return orjson.dumps(
        {
            "type": "AuthError",
            "error": message,
            "baseVersion": base_version,
            "authUpdateAttempted": attempted,
        }
    )


def _error_data(failure: Failure) -> JsonBytes:
    return b"" if failure.data is None else b',"errorData":' + failure.data


def timestamp_body(ts: Timestamp) -> JsonBytes:
    """The answer to `/api/query_ts`."""
    return b'{"ts":"%b"}' % encode_timestamp(ts).encode()
