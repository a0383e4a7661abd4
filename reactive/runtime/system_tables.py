"""The server's own tables: documents like any other, so they commit, push and export like them.

Authors read them through `ctx.db.system`; only the server writes them. Source of names and fields:
Convex's system tables.
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from reactive.runtime.document import Document, index
from reactive.runtime.types import UNSET, Unset
from reactive.runtime.validators import wire_names_of

CASE: Final = "camel"
"""How the names of system tables are spelled on the wire, whatever a project's setting is."""

_CAMEL = ConfigDict(
    alias_generator=wire_names_of(CASE),
    validate_by_name=True,
    validate_by_alias=True,
    extra="forbid",
)


class JobState(BaseModel):
    """How far a job is; `error` says why it has failed."""

    model_config = _CAMEL
    kind: Literal["pending", "inProgress", "success", "failed", "canceled"]
    error: str | Unset = UNSET


class ScheduledFunction(Document):
    """One call that was scheduled. Times are milliseconds since the epoch."""

    model_config = _CAMEL
    name: str
    args: list[Any]
    scheduled_time: float
    completed_time: float | Unset = UNSET
    state: JobState

    by_state = index("state.kind", "scheduled_time")
    by_completion = index("completed_time")


class StoredFile(Document):
    """One file; `sha256` is base64, `size` bytes."""

    model_config = _CAMEL
    sha256: str
    size: int
    content_type: str | Unset = UNSET


class FileKey(Document):
    """Under which unguessable name a file is kept and served.

    One with `deleted_time`, in milliseconds since the epoch, stays until its bytes are removed.
    """

    model_config = _CAMEL
    storage_id: str
    key: str
    deleted_time: float | Unset = UNSET

    by_storage_id = index("storage_id")
    by_key = index("key")
    by_deletion = index("deleted_time")


class CronJob(Document):
    """One recurring job as it was last deployed. Times are milliseconds since the epoch."""

    model_config = _CAMEL
    name: str
    function: str
    args: list[Any]
    schedule: dict[str, Any]
    next_run: float
    state: JobState

    by_name = index("name")
    by_next_run = index("next_run")


class CronJobLog(Document):
    """One run of a recurring job. `skipped` due times had passed before the run began."""

    model_config = _CAMEL
    name: str
    scheduled_time: float
    started_time: float
    completed_time: float
    state: JobState
    skipped: int

    by_name = index("name")


SYSTEM_TABLES: Final[dict[str, type[Document]]] = {
    "_scheduled_functions": ScheduledFunction,
    "_storage": StoredFile,
    "_file_keys": FileKey,
    "_cron_jobs": CronJob,
    "_cron_job_logs": CronJobLog,
}
for _name, _cls in SYSTEM_TABLES.items():
    _cls.__table__ = _name

HIDDEN_TABLES: Final = frozenset({"_file_keys"})
"""System tables that functions cannot read."""
