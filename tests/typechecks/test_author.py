"""A type checker's view of the API is a part of the API."""

import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).with_name("author.py")
ROOT = Path(__file__).parents[2]

_EXPECTED = re.compile(r"# error: ([\w-]+)$")
_FOUND = re.compile(r"author\.py:(\d+): error: (.*)  \[([\w-]+)\]$")


def test_mypy_refuses_what_is_wrong_and_nothing_else() -> None:
    expected = {
        (number, match[1])
        for number, line in enumerate(FILE.read_text().splitlines(), start=1)
        if (match := _EXPECTED.search(line))
    }
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(FILE)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    messages = {
        (int(match[1]), match[3]): match[2]
        for line in run.stdout.splitlines()
        if (match := _FOUND.search(line))
    }

    assert "" == run.stderr
    assert sorted(expected) == sorted(messages), run.stdout
