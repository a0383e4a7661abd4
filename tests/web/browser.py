"""Windows of a headless Chromium, driven from a test through `driver.mjs`."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CLOSE_SECONDS = 15.0

# Waits as long as the page takes, and fails with what it shows when that is too long.
_TEXTS = "selector => [...document.querySelectorAll(selector)].map(one => one.textContent.trim())"
_HAS_TEXTS = f"([selector, texts]) => JSON.stringify(({_TEXTS})(selector)) === texts"


class BrowserError(AssertionError):
    """What a window was asked for did not happen."""


class Browser:
    """One Chromium; its windows share nothing, like those of different people."""

    def __init__(self) -> None:
        found = [path for name in CHROMIUM_NAMES if (path := shutil.which(name))]
        assert found, f"the browser tests need one of {', '.join(CHROMIUM_NAMES)} on the PATH"
        self._process = subprocess.Popen(
            ["node", str(HERE / "driver.mjs"), found[0]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def open(self, name: str, url: str, **options: Any) -> "Window":
        """A new window; `options` are those of a Playwright context."""
        self.request({"open": name, "url": url, "options": options})
        return Window(self, name)

    def request(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser's driver ended"
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["result"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            # The driver closes the browser at the end of its input.
            self._process.communicate(timeout=CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise


class Window:
    """One page. Selectors are Playwright's, in `wait_for_texts` and `texts` plain CSS."""

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser = browser
        self._name = name

    def call(self, method: str, *args: Any) -> Any:
        return self._browser.request({"window": self._name, "call": method, "args": args})

    def fill(self, selector: str, text: str) -> None:
        self.call("fill", selector, text)

    def press(self, selector: str, key: str) -> None:
        self.call("press", selector, key)

    def click(self, selector: str) -> None:
        self.call("click", selector)

    def wait_for(self, selector: str, *, state: str = "visible") -> None:
        self.call("waitForSelector", selector, {"state": state})

    def texts(self, selector: str) -> list[str]:
        """The texts of all matching elements, at this moment."""
        texts: list[str] = self.call("evaluate", _TEXTS, selector)
        return texts

    def wait_for_texts(self, selector: str, expected: list[str], *, seconds: float = 15) -> None:
        """Waits until the matching elements have exactly these texts, in this order."""
        argument = [selector, json.dumps(expected, ensure_ascii=False, separators=(",", ":"))]
        try:
            self.call("waitForFunction", _HAS_TEXTS, argument, {"timeout": seconds * 1_000})
        except BrowserError as error:
            shown = self.texts(selector)
            raise BrowserError(f"{selector} shows {shown}, not {expected}") from error

    def screenshot(self, path: Path) -> None:
        self.call("screenshot", {"path": str(path)})

    def errors(self) -> list[str]:
        """What the page's own code threw and nobody caught."""
        errors: list[str] = self.call("errors")
        return errors
