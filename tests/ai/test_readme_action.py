"""The action in the README is short, and answers with its tool."""

import asyncio
import re
import shutil
from pathlib import Path

from reactive.testing import TestBackend
from tests.runtime.harness import own_modules

ROOT = Path(__file__).parents[2]
LINES_MAX = 40


async def test_chat_action_with_a_tool(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (source,) = [block for block in blocks if "make_answer" in block]
    assert len(source.splitlines()) < LINES_MAX
    shutil.copy(ROOT / "schema.py", tmp_path)
    shutil.copytree(
        ROOT / "functions", tmp_path / "functions", ignore=shutil.ignore_patterns("_web")
    )
    (tmp_path / "functions" / "asking.py").write_text(source)

    with own_modules():
        async with TestBackend(tmp_path, case="camel", model="scripted/tools") as backend:
            await backend.mutation("threads:create", externalId="trip")
            asking = asyncio.create_task(
                backend.action("asking:ask", task="trip", question="Rain in Bergen?")
            )
            await backend.advance(10)

            assert "It rains in" in await asking
