"""A change of the schema as users of npm's `convex` see it."""

from tests.clients.test_npm import JS
from tests.schema.conftest import Edited
from tests.schema.test_life import ask_for_new_index
from tests.scripts import node, run_script


async def test_index_is_filled_under_an_open_client(edited: Edited) -> None:
    await edited.filled()
    await edited.start("dev", hold="indexing")

    async def edit() -> None:
        ask_for_new_index(edited)
        await edited.output("held indexing tasks")

    async def reloads() -> int:
        return edited.server.output.count("reloaded")

    async def release() -> None:
        edited.release()

    report = await run_script(
        node(JS / "schema.mjs"),
        cwd=JS,
        env={"SERVER_URL": edited.server.url, "APP": "schema"},
        handlers={"edit": edit, "reloads": reloads, "release": release},
    )
    report.expect("live queries go on while an index is filled")
