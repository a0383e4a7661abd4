"""The chat page as people use it: their windows, and what they do in them."""

from typing import Any

from tests.server import ServerProcess
from tests.web.browser import Browser, Window

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "hasTouch": True,
    "isMobile": True,
}


def on(test_id: str, **data: str) -> str:
    """The selector of an element by its `data-testid` and other `data-` attributes."""
    more = "".join(f"[data-{name}='{value}']" for name, value in data.items())
    return f"[data-testid='{test_id}']{more}"


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
