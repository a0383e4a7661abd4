"""What readers are told while the model thinks, fails, is asked again, or calls tools."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ai.fake_provider import FakeProvider, environment
from tests.scripts import check_names, node, run_script
from tests.server import ServerProcess

SCRIPT = Path(__file__).parent / "js" / "provider.mjs"


@pytest.mark.parametrize("sdk", ["ai6", "ai7"])
async def test_ai_sdk(fake: FakeProvider, own_app: Callable[..., ServerProcess], sdk: str) -> None:
    fake.scripts["think-and-fail"] = [("begin",), ("thought", "Hm, "), ("reset",)]
    server = own_app(**environment(fake.url))
    report = await run_script(
        node(SCRIPT), cwd=SCRIPT.parent, env={"SERVER_URL": server.url, "AI_SDK": sdk}
    )
    names = check_names(SCRIPT)
    assert set(names) == set(report.errors)
    for name in names:
        report.expect(name)
