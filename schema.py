"""The tables of the chat app."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from reactive import UNSET, Document, Id, Unset, index
from reactive.ai.parity import Kind, Path
from reactive.ai.trial import Source
from reactive.flags import DecisionRow, FlagRow, OverrideRow


class Thread(Document, table="threads"):
    """A conversation. `external_id` is the name that another system knows it by, if one does.

    `has_dismissed` is set by the first of its answers that is dismissed.
    """

    owner: str = "local"
    title: str | Unset = UNSET
    kind: str | Unset = UNSET
    external_id: str | Unset = UNSET
    has_dismissed: bool | Unset = UNSET

    by_owner = index("owner")
    by_external_id = index("owner", "external_id")
    by_name = index("external_id")


class Usage(BaseModel):
    """Tokens of an answer; cached ones are among the input's, reasoning among the output's."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int


class Message(Document, table="messages"):
    """One message of a thread. `order` counts from 0 within the thread, without gaps.

    The row of an answer changes when its status does, never with its text: `content` is empty until
    the answer is over, and the text so far is in `MessagePart`. `dismissed_at`, in milliseconds
    since the epoch, is for a failed answer that is shown no more (`functions/_shown.py`).
    """

    thread_id: Id[Thread]
    order: int
    role: Literal["user", "assistant", "system"]
    status: Literal["pending", "streaming", "complete", "stopped", "error"]
    content: str
    author: str | Unset = UNSET
    client_message_id: str | Unset = UNSET
    stream_id: Id["streams"] | Unset = UNSET  # type: ignore[name-defined]  # noqa: F821
    model: str | Unset = UNSET
    usage: Usage | Unset = UNSET
    finish_reason: str | Unset = UNSET
    error_code: str | Unset = UNSET
    error_text: str | Unset = UNSET
    streaming_for_user: str | Unset = UNSET
    dismissed_at: float | Unset = UNSET
    last_updated: float

    by_thread = index("thread_id", "order")
    by_client_message_id = index("thread_id", "client_message_id")
    by_status = index("status", "last_updated")


class Stream(Document, table="streams"):
    """One answer in the making, and who makes it. Times are milliseconds since the epoch.

    Written at the start, at heartbeats and at the end. The holder of the lease is the only one who
    writes its events. `counts` and `characters` are those of the events up to `counted_seq`.
    `replay_of` is the stream, of this server or another, whose recorded events this one repeats.
    """

    thread_id: Id[Thread]
    message_id: Id[Message]
    user_id: str
    state: Literal["pending", "streaming", "finished", "stopped", "error", "superseded"]
    model: str
    attempt: int = 1
    job_id: str | Unset = UNSET
    system_prompt: str | Unset = UNSET
    cache_key: str | Unset = UNSET
    replay_of: str | Unset = UNSET
    lease_until: float
    started_at: float | Unset = UNSET
    first_token_at: float | Unset = UNSET
    ended_at: float | Unset = UNSET
    final_seq: int | Unset = UNSET
    finish_reason: str | Unset = UNSET
    error_code: str | Unset = UNSET
    stop_requested_at: float | Unset = UNSET
    stop_requested_by: str | Unset = UNSET
    counts: str = "{}"  # JSON: what is read at each flush has scalars only, and is parsed once
    characters: int = 0
    counted_seq: int = 0
    is_compacted: bool = False
    is_damaged: bool = False
    variant: str = "reactive"
    reason: str = "DEFAULT"

    by_message = index("message_id")
    by_thread = index("thread_id", "state")
    by_state = index("state", "lease_until")
    by_end = index("is_compacted", "is_damaged", "ended_at")


class StreamEvents(Document, table="streamEvents"):
    """What one flush added to a stream's log: events `start_seq` to `end_seq`.

    Never changed; replaced by a `StreamArchive` some time after the end. `log` is a JSON array of
    the events in the wire's form: nothing looks into it but who reads them, so it is one text.
    """

    stream_id: Id[Stream]
    start_seq: int
    end_seq: int
    log: str
    size: int
    ts: float

    by_stream = index("stream_id", "end_seq")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, read anew each time."""
        found: list[dict[str, Any]] = orjson.loads(self.log)
        return found


class StreamArchive(Document, table="streamArchives"):
    """A log in one row, or a very long one in a few: JSON lines under zlib, with their hash.

    `lag_ms` is what `streams:debugInfo` said of the newest event. Times are milliseconds.
    """

    stream_id: Id[Stream]
    start_seq: int
    end_seq: int
    codec: Literal["zlib"] = "zlib"
    blob: bytes
    event_count: int
    sha256: str
    lag_ms: float
    expires_at: float

    by_stream = index("stream_id", "end_seq")
    by_expiry = index("expires_at")


class MessagePart(Document, table="messageParts"):
    """One row of an answer's part: a piece of text, or a whole tool call.

    A sealed row never changes again, so a client is sent a growing text once and not over and over.
    """

    message_id: Id[Message]
    stream_id: Id[Stream]
    owner: str | Unset = UNSET
    position: Annotated[int, Field(alias="index")]
    segment: int
    type: Literal["text", "reasoning", "tool"]
    state: Literal["streaming", "done", "pending", "running", "completed", "error"]
    sealed: bool
    text: str | Unset = UNSET
    tool_call_id: str | Unset = UNSET
    tool_name: str | Unset = UNSET
    input_text: str | Unset = UNSET
    input: Any | Unset = UNSET
    output: Any | Unset = UNSET
    error_text: str | Unset = UNSET
    started_at: float | Unset = UNSET
    ended_at: float | Unset = UNSET

    by_message = index("message_id", "position", "segment")


class PartOrder(Document, table="partOrders"):
    """The last row of each of an answer's parts: `[{index, segment, type, state, sealed}]`.

    The rows before it are full. Apart from them, because it stands still while a text grows within
    its row.
    """

    message_id: Id[Message]
    rows: list[dict[str, Any]]

    by_message = index("message_id")


class UsageRow(Document, table="usage"):
    """What one attempt at an answer has used. `day` is a date in UTC."""

    day: str
    user_id: str
    thread_id: Id[Thread]
    message_id: Id[Message]
    stream_id: Id[Stream]
    attempt: int
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_micros: int

    by_user_day = index("user_id", "day")
    by_stream = index("stream_id", "attempt")


class CachedAnswer(Document, table="responseCache"):
    """Which stream has the answer to a question that a user may ask again."""

    user_id: str
    key: str
    stream_id: Id[Stream]
    expires_at: float

    by_key = index("user_id", "key")
    by_expiry = index("expires_at")


class AuditReport(Document, table="audits"):
    """How many answers were compared with their logs on a day in UTC, and which do not fit.

    `found` names the first of them: `[{streamId, differences}]`.
    """

    day: str
    checked: int
    mismatched: int
    found: list[dict[str, Any]]

    by_day = index("day")


class RateLimit(Document, table="rateLimits"):
    """A token bucket: `tokens` were left at `updated_at`."""

    key: str
    tokens: float
    updated_at: float

    by_key = index("key")


class TaskEntry(Document, table="taskEntries"):
    """What the sockets of a thread are told besides its answers, in the words they are told it in.

    `seq` counts from 1 within the thread, `position` within those of one kind, of which only the
    newest are kept.
    """

    thread_id: Id[Thread]
    seq: int
    kind: Literal["task-status-updated", "terminal-output", "fs-change"]
    position: int
    payload: dict[str, Any]

    by_thread = index("thread_id", "seq")
    by_kind = index("thread_id", "kind", "position")


class Flag(FlagRow, table="flags"):
    """Which way answers take to their readers, and whatever else is tried out."""


class FlagOverride(OverrideRow, table="flagOverrides"):
    """What single users get of a flag."""


class FlagDecision(DecisionRow, table="flagDecisions"):
    """What users got of a flag, and why."""


class TrialSample(Document, table="trialSamples"):
    """How one path has delivered one answer, as seen from `source`. Times are milliseconds.

    `kind` is a class of `reactive.ai.parity`, `first` the first difference, `lags` a histogram of
    `reactive.ai.trial`: from when an event was made to when it was delivered.
    """

    key: str
    stream_id: Id[Stream]
    path: Path
    source: Source
    variant: str
    kind: Kind
    first: dict[str, Any] | Unset = UNSET
    p50: float | Unset = UNSET
    p95: float | Unset = UNSET
    p99: float | Unset = UNSET
    max: float | Unset = UNSET
    lags: list[list[int]] = Field(default_factory=list)
    stalls: int = 0
    size: int = 0
    executions: int = 0
    rows: int = 0
    fallbacks: int = 0
    errors: int = 0
    at: float

    by_key = index("key", "at")
    by_stream = index("stream_id", "source")
    by_time = index("at")


class TrialAlert(Document, table="trialAlerts"):
    """That the new path was given up, why, and what the flag was before."""

    key: str
    at: float
    reasons: list[str]
    variant: str | Unset = UNSET
    percentage: float | Unset = UNSET
    revision: int
    rearmed_at: float | Unset = UNSET

    by_key = index("key", "at")


class Presence(Document, table="presence"):
    """An open window as others see it: who looks at which thread."""

    client_id: str
    name: str
    thread_id: Id[Thread] | Unset = UNSET

    by_client = index("client_id")


class Heartbeat(Document, table="heartbeats"):
    """When a window was last heard of.

    Apart from `Presence`, because it is written every few seconds: a live query that reads only
    `Presence` runs again when somebody comes, goes or moves, not when somebody merely stays.
    """

    client_id: str
    last_seen: float

    by_client = index("client_id")
    by_last_seen = index("last_seen")
