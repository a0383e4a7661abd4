"""Vector search as users of npm's `convex` see it."""

from tests.clients.test_npm import JS
from tests.scripts import node, run_script
from tests.server import ServerProcess


async def test_actions_with_vectors(server: ServerProcess) -> None:
    env = {"SERVER_URL": server.url, "APP": "vectors"}
    report = await run_script(node(JS / "schema.mjs"), cwd=JS, env=env)
    report.expect("hits with filters")
    report.expect("a vector of another length is an error that says so")
