"""Front ends of apps: the generated files beside code that uses them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import run_reactive

HERE = Path(__file__).parent
APP = HERE / "app"
SOURCES = HERE / "frontend"
PACKAGES = HERE / "node_modules"

COMPILER_OPTIONS = {
    "target": "ES2022",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "module": "ESNext",
    "moduleResolution": "bundler",
    "jsx": "react-jsx",
    "types": [],
    "noEmit": True,
    "strict": True,
    "skipLibCheck": False,
}


class FrontEnd:
    """A folder as front ends of Convex have it: `src/`, and the generated files in `convex/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "src"
        self.generated = folder / "convex" / "_generated"
        self.source.mkdir(parents=True)
        (folder / "node_modules").symlink_to(PACKAGES)
        (folder / "package.json").write_text('{"type": "module"}')

    def generate(self, project: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        """Runs `reactive codegen`, which has to succeed."""
        out = str(self.generated)
        done = run_reactive("codegen", "--project", str(project), "--out", out, *flags)
        assert done.returncode == 0, done.stderr
        return done

    def text(self, name: str) -> str:
        return (self.generated / name).read_text()

    def compile(self, **options: object) -> str:
        """What the type checker has to say; nothing when it is content."""
        config = {
            "compilerOptions": COMPILER_OPTIONS | options,
            "include": ["src", "convex"],
        }
        (self.folder / "tsconfig.json").write_text(json.dumps(config))
        return self._tool("tsc", "--project", ".")

    def badly_formatted(self) -> str:
        """What prettier has to say; nothing when it would change nothing."""
        return self._tool("prettier", "--log-level", "warn", "--check", "convex")

    def _tool(self, *command: str) -> str:
        program = PACKAGES / ".bin" / command[0]
        done = subprocess.run(
            [str(program), *command[1:]],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode == 0) == (not output.strip()), output
        return output


@pytest.fixture
def front_end(tmp_path: Path) -> FrontEnd:
    return FrontEnd(tmp_path / "front_end")


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., Path]:
    """Writes an app from the texts of its files."""

    def make(**files: str) -> Path:
        folder = tmp_path / "made"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in files.items():
            path = folder / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return make
