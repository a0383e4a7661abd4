"""What readers are told while the model thinks, fails, is asked again, or calls tools."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.ai.fake_provider import FakeProvider, environment
from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

SCRIPT = Path(__file__).parent / "js" / "provider.mjs"


async def test_ai_sdk(fake: FakeProvider, own_app: Callable[..., ServerProcess]) -> None:
    fake.scripts["think-and-fail"] = [("begin",), ("thought", "Hm, "), ("reset",)]
    server = own_app(**environment(fake.url))

    async def run(sdk: str) -> Report:
        env = {"SERVER_URL": server.url, "AI_SDK": sdk}
        return await run_script(node(SCRIPT), cwd=SCRIPT.parent, env=env)

    names = check_names(SCRIPT)
    for report in await asyncio.gather(run("ai6"), run("ai7")):
        assert set(names) == set(report.errors)
        for name in names:
            report.expect(name)
