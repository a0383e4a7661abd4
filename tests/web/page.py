"""The chat page as people use it: their windows, and what they do in them."""

from typing import Any

from tests.server import ServerProcess
from tests.web.browser import Browser, Window

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "hasTouch": True,
    "isMobile": True,
}

STORY = "scripted/story"
ECHO = "scripted/echo"
WORDS = " ".join(f"word{number}" for number in range(150))  # fifty in a second

# Writes down what an element shows whenever it shows something else.
WATCH = """([selector, attribute]) => {
  const seen = (window.seen ??= {})[selector] = [];
  const look = () => {
    const one = document.querySelector(selector);
    const now = one && (attribute ? one.getAttribute(attribute) : one.textContent);
    if (now !== null && now !== seen.at(-1)) seen.push(now);
    requestAnimationFrame(look);
  };
  look();
}"""


def on(test_id: str, **data: str) -> str:
    """The selector of an element by its `data-testid` and other `data-` attributes."""
    more = "".join(f"[data-{name}='{value}']" for name, value in data.items())
    return f"[data-testid='{test_id}']{more}"


TEXTS = on("answer-text")
STREAMING = on("answer", state="streaming")
COMPLETE = on("answer", state="complete")


class Chat:
    """Opens people's windows of the page and closes the books on them."""

    def __init__(self, browser: Browser, server: ServerProcess) -> None:
        self.browser = browser
        self.server = server
        self.windows: list[Window] = []

    def join(self, name: str, *, address: str = "", **options: Any) -> Window:
        """A window of somebody whose browser remembers `name`."""
        remembered = {
            "origin": self.server.url,
            "localStorage": [{"name": "reactive-chat-name", "value": name}],
        }
        window = self.browser.open(
            f"{name} of {id(self)}",
            f"{self.server.url}/{address}",
            storageState={"cookies": [], "origins": [remembered]},
            **options,
        )
        self.windows.append(window)
        return window

    def leave(self) -> None:
        for window in self.windows:
            errors = window.errors()
            window.call("close")
            assert errors == []


def create_thread(window: Window, title: str) -> None:
    window.fill(on("new-thread-title"), title)
    window.press(on("new-thread-title"), "Enter")
    window.wait_for_texts(on("thread-title"), [title])


def send(window: Window, text: str) -> None:
    window.fill(on("composer"), text)
    window.press(on("composer"), "Enter")


def ask(window: Window, model: str, prompt: str = "Tell me something.") -> None:
    """Sends a message to a model, chosen by its name in the menu of models."""
    window.click(on("model"))
    known = f"{on('model-panel')} input[value='{model}']"
    if window.call("isVisible", known):
        window.call("check", known)
        window.press(known, "Escape")
    else:
        window.fill(on("model-other"), model)
        window.press(on("model-other"), "Escape")
    send(window, prompt)


def is_focused(window: Window, test_id: str) -> bool:
    focused = window.call("evaluate", "() => document.activeElement.dataset.testid")
    return bool(focused == test_id)


def watch(window: Window, selector: str, attribute: str = "") -> None:
    window.call("evaluate", WATCH, [selector, attribute])


def seen(window: Window, selector: str) -> list[str]:
    shown: list[str] = window.call("evaluate", "selector => window.seen[selector]", selector)
    return shown


def wait_for_text(window: Window, length: int, selector: str = TEXTS) -> str:
    """Waits until the answer has so many characters, and gives them."""
    long_enough = """([selector, length]) =>
      document.querySelector(selector)?.textContent.length >= length"""
    window.call("waitForFunction", long_enough, [selector, length])
    return window.texts(selector)[0]


def wait_for_end(window: Window, selector: str = COMPLETE) -> None:
    """Waits as long as a story may take on a machine that is busy."""
    window.call("waitForSelector", selector, {"timeout": 60_000})
