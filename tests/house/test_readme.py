"""The README's thirty lines are the ones of `examples/hello`, and they run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ServerProcess

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "examples" / "hello"
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
FILES = ("schema.py", "functions/messages.py", "watch.py")


@pytest.mark.parametrize(("block", "name"), list(zip(BLOCKS, FILES, strict=True)))
def test_readme_shows_the_example(block: str, name: str) -> None:
    assert (HELLO / name).read_text() == block


def test_the_example_runs(tmp_path: Path) -> None:
    script = (HELLO / "watch.py").read_text()
    with ServerProcess(HELLO, tmp_path / "data.sqlite3") as server:
        watch = tmp_path / "watch.py"
        watch.write_text(script.replace("http://127.0.0.1:3210", server.url))
        run = subprocess.run(
            [sys.executable, str(watch)], capture_output=True, text=True, timeout=30, check=False
        )
    assert run.stderr == ""
    assert run.stdout == "at first: []\nand then: ['Hello!']\n"
