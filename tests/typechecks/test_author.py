"""mypy sees in `author.py` the errors that its comments name, in those lines, and no others."""

import re
import subprocess
import sys
from pathlib import Path

AUTHOR = Path(__file__).with_name("author.py")


def test_the_type_checker_sees_what_an_author_would() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(AUTHOR)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    found = set(re.findall(r":(\d+): error: .*\[([\w-]+)\]", run.stdout))
    lines = enumerate(AUTHOR.read_text().splitlines(), start=1)
    expected = {
        (str(number), match[1])
        for number, line in lines
        if (match := re.search(r"# error: ([\w-]+)$", line))
    }
    assert len(expected) == 7
    assert found == expected, run.stdout
