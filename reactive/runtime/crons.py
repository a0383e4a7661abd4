"""Recurring jobs as an author declares them, in `functions/crons.py`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from croniter import CroniterBadDateError, croniter

from reactive.errors import ProjectError

_NAME: Final = re.compile(r"[\x20-\x7e]+\Z")
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SKIPS_COUNTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job is due, in UTC: every so many seconds, or by five fields of cron.

    Exactly one of the two is given.
    """

    seconds: float | None = None
    cron: str | None = None

    def first(self, now_ms: float) -> float:
        """When a job that is deployed now runs first; times are milliseconds since the epoch."""
        return now_ms if self.seconds is not None else self._next(now_ms)

    def after(self, due_ms: float, now_ms: float) -> tuple[float, int]:
        """When it runs next after it was due and has run, and how many due times were passed over.

        The count is that of an outage and ends at a thousand.
        """
        if self.seconds is not None:
            step = self.seconds * 1e3
            passed = max(0, int((now_ms - due_ms) // step))
            return due_ms + (passed + 1) * step, passed
        skipped = 0
        due_ms = self._next(due_ms)
        while due_ms <= now_ms:
            skipped += 1
            due_ms = self._next(now_ms if skipped == _SKIPS_COUNTED_MAX else due_ms)
        return due_ms, skipped

    def _next(self, after_ms: float) -> float:
        start = datetime.fromtimestamp(after_ms / 1e3, UTC)
        found: datetime = croniter(str(self.cron), start).get_next(datetime)
        return found.timestamp() * 1e3

    def stored(self) -> dict[str, Any]:
        """The form in which it is kept."""
        return {"seconds": self.seconds} if self.seconds is not None else {"cron": self.cron}


@dataclass(frozen=True, slots=True)
class Cron:
    """One recurring job: its name, schedule, function and arguments."""

    name: str
    schedule: Schedule
    function: object
    args: Mapping[str, Any]


class Crons:
    """The recurring jobs of a project: `crons = Crons()` in `functions/crons.py`.

    Each has a name of its own, by which it is known from one deployment to the next, and calls a
    mutation or an action with the arguments that follow. A job is never started while it is still
    running. All times are UTC.

    Raises:
        ProjectError: from each method, for a name that is taken or a time that cannot be.
    """

    def __init__(self) -> None:
        self._crons: dict[str, Cron] = {}

    def __iter__(self) -> Iterator[Cron]:
        return iter(self._crons.values())

    def interval(self, name: str, every: timedelta, function: object, /, **args: Any) -> None:
        """Runs when it is first deployed, and every so often after that; whole seconds."""
        seconds = every.total_seconds() if hasattr(every, "total_seconds") else 0.0
        if seconds < 1 or seconds != int(seconds):
            raise _wrong(name, f"an interval is a timedelta of whole seconds, not {every!r}")
        self._add(name, Schedule(seconds=seconds), function, args)

    def hourly(self, name: str, /, function: object, minute: int = 0, **args: Any) -> None:
        """Runs in this minute of every hour."""
        self._add_fields(name, function, args, minute=minute)

    def daily(
        self, name: str, /, function: object, hour: int, minute: int = 0, **args: Any
    ) -> None:
        """Runs at this time of every day."""
        self._add_fields(name, function, args, minute=minute, hour=hour)

    def weekly(
        self,
        name: str,
        /,
        function: object,
        day_of_week: str,
        hour: int = 0,
        minute: int = 0,
        **args: Any,
    ) -> None:
        """Runs at this time of one day of the week, such as `"monday"`."""
        day = str(day_of_week).lower()
        if day not in _DAYS:
            raise _wrong(name, f"day_of_week is one of {', '.join(_DAYS)}, not {day_of_week!r}")
        self._add_fields(name, function, args, minute=minute, hour=hour, weekday=_DAYS.index(day))

    def monthly(
        self, name: str, /, function: object, day: int, hour: int = 0, minute: int = 0, **args: Any
    ) -> None:
        """Runs at this time of one day of the month; months that lack the day are left out."""
        self._add_fields(name, function, args, minute=minute, hour=hour, day=day)

    def cron(self, name: str, fields: str, function: object, /, **args: Any) -> None:
        """Runs when the five fields of cron say so: `"0 9 * * 1-5"`."""
        if len(str(fields).split()) != 5 or not croniter.is_valid(fields):
            raise _wrong(name, f"{fields!r} are not the five fields of cron")
        schedule = Schedule(cron=fields)
        try:
            schedule.first(0.0)
        except CroniterBadDateError as error:
            raise _wrong(name, f"{fields!r} is never due") from error
        self._add(name, schedule, function, args)

    def _add_fields(
        self,
        name: str,
        function: object,
        args: Mapping[str, Any],
        *,
        minute: int,
        hour: int | None = None,
        day: int | None = None,
        weekday: int | None = None,
    ) -> None:
        bounds = {"minute": (minute, 0, 59), "hour": (hour, 0, 23), "day": (day, 1, 31)}
        for field, (value, least, most) in bounds.items():
            if value is None:
                continue
            if type(value) is not int or not least <= value <= most:
                raise _wrong(name, f"{field} is {least} to {most}, not {value!r}")
        fields = ["*" if value is None else str(value) for value in (minute, hour, day)]
        cron = f"{' '.join(fields)} * {'*' if weekday is None else weekday}"
        self._add(name, Schedule(cron=cron), function, args)

    def _add(
        self, name: str, schedule: Schedule, function: object, args: Mapping[str, Any]
    ) -> None:
        if str(name) != name or not _NAME.match(name):
            raise _wrong(name, "a name is printable ASCII")
        if name in self._crons:
            raise _wrong(name, "there are two jobs of this name")
        self._crons[name] = Cron(name, schedule, function, dict(args))


def _wrong(name: object, message: str) -> ProjectError:
    return ProjectError(f"functions/crons.py: the job {name!r}: {message}")
