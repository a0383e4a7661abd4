"""The tools that the app offers to models. To add one, write it and put it into `TOOLS`."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from reactive import ApplicationError
from reactive.ai import ToolSet, tool


@tool
async def current_time(zone: str = "UTC") -> str:
    """The date and time now, in a time zone of the IANA database such as `Europe/Berlin`."""
    try:
        now = datetime.now(UTC).astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ApplicationError(f"there is no time zone {zone!r}") from error
    return now.isoformat(timespec="seconds")


class TextFigures(BaseModel):
    """What can be counted of a text."""

    characters: int
    words: int
    lines: int


@tool
async def count_text(text: str) -> TextFigures:
    """Counts the characters, words and lines of a text exactly."""
    return TextFigures(characters=len(text), words=len(text.split()), lines=len(text.splitlines()))


TOOLS = ToolSet([current_time, count_text])
