"""A real server process for tests: started, stopped, killed and restarted from outside.

Nothing here knows the engine. The process is the installed `reactive` command, and all that a test
sees of it is what a user sees: its output, its exit code, its port.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Literal, Self

APPS = Path(__file__).parent / "apps"
REACTIVE = Path(sys.executable).with_name("reactive")

START_SECONDS = 30.0
STOP_SECONDS = 10.0
OUTPUT_SECONDS = 15.0

_URL_LINE = re.compile(r"http://127\.0\.0\.1:\d+")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings that would leak into a server under test."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REACTIVE_")}
    return clean | dict(extra or {})


class ServerProcess:
    """One server on one port and one store. The port and the store outlive a restart."""

    def __init__(
        self,
        project: Path,
        store: Path,
        *,
        command: Literal["serve", "dev"] = "serve",
        flags: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.project = project
        self.port = free_port()
        self.store = f"sqlite:///{store}"
        self.arguments = [
            str(REACTIVE),
            command,
            "--project",
            str(project),
            "--port",
            str(self.port),
            "--store",
            self.store,
            *flags,
        ]
        self._env = environment(env)
        self._process: subprocess.Popen[str] | None = None
        # Guards the two lists of lines, which the reader threads append to.
        self._news = threading.Condition()
        self.stdout: list[str] = []
        self.stderr: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sync_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/1.48.0/sync"

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def output(self) -> str:
        with self._news:
            return "\n".join([*self.stdout, *self.stderr])

    def launch(self) -> Self:
        """Starts the process without waiting for it to listen."""
        self._process = subprocess.Popen(
            self.arguments,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stdout, self.stderr = [], []
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._collect(self._process.stdout, self.stdout)
        self._collect(self._process.stderr, self.stderr)
        return self

    def start(self) -> Self:
        """Starts the process and waits for its line with the URL."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        with self._news:
            while not any(_URL_LINE.search(line) for line in self.stdout):
                left = deadline - time.monotonic()
                ended = self.process.poll()
                assert ended is None, f"the server exited with {ended}:\n{self._lines()}"
                assert left > 0, f"no line with a URL in {START_SECONDS} s:\n{self._lines()}"
                self._news.wait(min(left, 0.2))
        return self

    def wait_for_output(self, pattern: str, *, count: int = 1) -> str:
        """Waits until the output, of this start, matches `pattern` at least `count` times."""
        deadline = time.monotonic() + OUTPUT_SECONDS
        with self._news:
            while len(re.findall(pattern, self._lines())) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{pattern!r} is not {count} times in:\n{self._lines()}"
                self._news.wait(left)
            return self._lines()

    def stop(self) -> int:
        """SIGTERM; gives the exit code, and fails when the process takes longer than it may."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"still running {STOP_SECONDS} s after SIGTERM:\n{self.output}"
            ) from None

    def kill(self) -> None:
        """SIGKILL: no goodbye on the sockets, no last write to the store."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        """For a fixture's last line: the process is gone afterwards, whatever state it was in."""
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def memory_bytes(self) -> int:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def _lines(self) -> str:
        return "\n".join([*self.stdout, *self.stderr])

    def _collect(self, stream: IO[str], lines: list[str]) -> None:
        def read() -> None:
            with stream:
                for line in stream:
                    with self._news:
                        lines.append(line.rstrip("\n"))
                        self._news.notify_all()
            with self._news:
                self._news.notify_all()

        threading.Thread(target=read, daemon=True).start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()


def run_reactive(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the `reactive` command to its end."""
    return subprocess.run(
        [str(REACTIVE), *arguments],
        env=environment(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
