"""The package of hooks, bundled together with the scripts that drive it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "examples" / "streaming-hooks"
JS = Path(__file__).parent / "js"
SCRIPTS = ["core.mjs", "paths.mjs", "task_hooks.mjs", "chat_hooks.mjs"]


@pytest.fixture(scope="session")
def bundles() -> Iterator[Path]:
    """A folder with the scripts, from the sources as they are now.

    It is below the package, for the packages that it needs are found from there.
    """
    cache = PACKAGE / "node_modules" / ".cache"
    cache.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="tests-", dir=cache) as folder:
        files = [str(JS / script) for script in SCRIPTS]
        command = ["node", "build.mjs", "--out", folder, *files]
        subprocess.run(command, cwd=PACKAGE, check=True)
        yield Path(folder)
