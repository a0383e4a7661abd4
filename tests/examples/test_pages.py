"""The page of each example in two windows of a real browser: what one does, the other shows."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import ServerProcess
from tests.web.browser import Browser, Window

pytestmark = pytest.mark.timeout(180)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "isMobile": True}


class Pages:
    """Opens windows of examples; a script that throws in any of them fails the test at its end."""

    def __init__(self, browser: Browser, serve: Callable[[str], ServerProcess]) -> None:
        self._browser = browser
        self._serve = serve
        self._windows: list[Window] = []

    def open(self, name: str) -> tuple[Window, Window]:
        """Two windows of an example, the second one as wide as a phone and dark."""
        server = self._serve(name)
        windows = (
            self._browser.open(f"{name} one", server.url),
            self._browser.open(f"{name} two", server.url, colorScheme="dark", **PHONE),
        )
        self._windows += windows
        for window in windows:
            window.wait_for(".connection[data-state=live]")
        return windows

    def close(self) -> None:
        try:
            for window in self._windows:
                assert window.errors() == []
                fits = "() => document.documentElement.scrollWidth <= innerWidth"
                assert window.call("evaluate", fits), "the page is wider than its window"
        finally:
            for window in self._windows:
                window.call("close")


@pytest.fixture
def pages_of(
    pages: None, browser: Browser, serve: Callable[[str], ServerProcess]
) -> Iterator[Callable[[str], tuple[Window, Window]]]:
    opened = Pages(browser, serve)
    yield opened.open
    opened.close()


Open = Callable[[str], tuple[Window, Window]]


def button(name: str) -> str:
    return f"role=button[name='{name}']"


def submit(window: Window, **fields: str) -> None:
    """Fills fields, named by their ids, and presses Enter in the last of them."""
    for name, text in fields.items():
        window.fill(f"#{name}", text)
    window.press(f"#{list(fields)[-1]}", "Enter")


def test_todo(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("todo")
    for text in ("Water the plants", "Call Grace", "Buy milk"):
        submit(ada, text=text)
    grace.wait_for_texts(".list label", ["Buy milk", "Call Grace", "Water the plants"])
    grace.call("check", "role=checkbox[name='Call Grace']")
    ada.wait_for_texts(".list .done", ["Call Grace"])
    picture(tmp_path, "todo", ada, grace)
    ada.click(button("Open"))
    ada.wait_for_texts(".list label", ["Buy milk", "Water the plants"])
    ada.click(button("Remove Buy milk"))
    ada.click(button("Clear what is done"))
    grace.wait_for_texts(".list label", ["Water the plants"])


def test_presence(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("presence")
    ada.fill("#name", "Ada")
    grace.fill("#name", "Grace")
    for window in (ada, grace):
        window.wait_for_texts("#here", ["2 people here"])
        window.wait_for(".name >> text=Ada")
        window.wait_for(".name >> text=Grace")
    picture(tmp_path, "presence", ada, grace)
    # A window that goes elsewhere says goodbye.
    grace.call("goto", "about:blank")
    ada.wait_for_texts(".name", ["Ada"])
    grace.call("goBack")
    grace.wait_for(".connection[data-state=live]")


def test_scheduled(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("scheduled")
    ada.call("selectOption", "#delay", "300")
    submit(ada, body="Never mind")
    ada.call("selectOption", "#delay", "0")
    ada.call("selectOption", "#lifetime", "10")
    submit(ada, body="Tea is ready")
    grace.wait_for_texts("[aria-label='Planned messages'] .body", ["Never mind"])
    grace.wait_for_texts("[aria-label='Sent messages'] .body", ["Tea is ready"])
    grace.wait_for("text=The cron has struck")
    picture(tmp_path, "scheduled", ada, grace)
    grace.click(button("Cancel Never mind"))
    ada.wait_for_texts("[aria-label='Planned messages'] .body", [])


def test_gallery(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("gallery")
    file = tmp_path / "dot.png"
    file.write_bytes(PNG)
    ada.call("setInputFiles", "#file", str(file))
    submit(ada, caption="A dot")
    grace.wait_for_texts("figcaption span", ["A dot"])
    loaded = "() => document.querySelector('.wall img').naturalWidth === 1"
    grace.call("waitForFunction", loaded)
    picture(tmp_path, "gallery", ada, grace)
    grace.click(button("Take down A dot"))
    ada.wait_for_texts("figcaption span", [])


def test_search(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("search")
    ada.click(button("Load some notes"))
    grace.click(button("Birds"))
    grace.wait_for_texts(".list .tag", ["bird"] * 6)
    grace.click(button("More"))
    grace.wait_for_texts(".list .tag", ["bird"] * 12)
    grace.click(button("More"))
    grace.wait_for(button("More"), state="detached")
    ada.fill("#text", "poi")
    ada.wait_for_texts("mark", ["poison"] * 3)
    picture(tmp_path, "search", ada, grace)
    ada.click(button("Trees"))
    ada.wait_for_texts(".list .tag", ["tree"])
    ada.wait_for(".note >> text=Yew")


def test_login(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("login")
    for window, name in ((ada, "Ada"), (grace, "Grace")):
        submit(window, name=name, password=f"{name}'s own secret")
        window.wait_for_texts(".name", [name])
        window.wait_for("text=No notes yet.")
    submit(ada, text="Analytical engine: add a printer")
    ada.wait_for_texts(".body", ["Analytical engine: add a printer"])
    picture(tmp_path, "login", ada, grace)
    assert grace.texts(".body") == []
    ada.call("reload")
    ada.wait_for_texts(".body", ["Analytical engine: add a printer"])
    ada.click(button("Sign out"))
    submit(ada, name="Ada", password="not her secret")
    ada.wait_for("role=alert")


def test_pagination(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("pagination")
    ada.click(button("Sail for 100 days"))
    grace.wait_for(".list .tag")
    grace.click(button("Fram"))
    grace.wait_for_texts(".loaded", ["20 loaded"])
    picture(tmp_path, "pagination", ada, grace)
    while (loaded := len(grace.texts(".body"))) < 60:
        grace.call("evaluate", "() => scrollTo(0, document.body.scrollHeight)")
        more = "count => document.querySelectorAll('.body').length > count"
        grace.call("waitForFunction", more, loaded)
    shown = grace.texts(".body")
    assert [text.split(":")[0] for text in shown] == [f"Day {100 - n}" for n in range(len(shown))]
    ada.click(button("Fram"))
    submit(ada, text="Land!")
    grace.wait_for_texts(".body", ["Land!", *shown])


def test_relations(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("relations")
    for title, author, year in [
        ("Typee", "Herman Melville", "1846"),
        ("Middlemarch", "George Eliot", "1871"),
        ("Moby-Dick", "Herman Melville", "1851"),
    ]:
        submit(ada, title=title, author=author, year=year)
        ada.wait_for_texts("#title", [""])
        grace.wait_for(f".title >> text={title}")
    for title, tag in (("Moby-Dick", "sea"), ("Typee", "islands"), ("Typee", "sea")):
        field = f"[aria-label='Tag {title}']"
        grace.fill(field, tag)
        grace.press(field, "Enter")
        ada.wait_for(f"li:has(strong:text-is('{title}')) .tag >> text={tag}")
    grace.click("[aria-label='Stars for Moby-Dick'] >> role=button[name='5 stars']")
    ada.wait_for_texts(".score", ["5.0 of 1", "no reviews", "no reviews"])
    submit(ada, title="Typee", author="Herman Melville", year="1846")
    ada.wait_for("role=alert >> text=is on the shelf already")
    picture(tmp_path, "relations", ada, grace)
    ada.click("role=group[name='Tag'] >> role=button[name='sea']")
    ada.wait_for_texts(".title", ["Typee", "Moby-Dick"])
    grace.click(button("Remove Typee"))
    ada.wait_for_texts(".title", ["Moby-Dick"])


def test_http(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("http")
    ada.fill("#note", "Three apples")
    ada.click(button("Call the webhook"))
    grace.wait_for_texts(".body", ['{"note":"Three apples"}'])
    ada.click(button("Stream an answer"))
    ada.wait_for_texts(".countdown", ["Three … two … one … lift-off!"])
    submit(ada, secret="a guess")
    ada.wait_for("role=alert >> text=401")
    picture(tmp_path, "http", ada, grace)


def test_vectors(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("vectors")
    ada.click(button("Load some answers"))
    grace.wait_for_texts(".count", ["14 answers"])
    submit(grace, question="my tyre is flatt")
    grace.wait_for(".question >> nth=0 >> text=How do I patch a flat tire?")
    submit(ada, question="when to plant tomatos")
    ada.wait_for(".question >> nth=0 >> text=When do I plant tomatoes?")
    picture(tmp_path, "vectors", ada, grace)


def test_sessions(pages_of: Open, tmp_path: Path) -> None:
    ada, grace = pages_of("sessions")
    submit(ada, label="Soup")
    submit(grace, label="Dumplings")
    ada.wait_for_texts(".votes", ["1", "1"])
    ada.click("text=Dumplings")
    for window in (ada, grace):
        window.wait_for_texts(".votes", ["0", "2"])
    picture(tmp_path, "sessions", ada, grace)
    ada.call("reload")
    ada.wait_for("label:has(:checked) >> text=Dumplings")


def picture(folder: Path, name: str, *windows: Window) -> None:
    """Leaves pictures of the windows for a person to look at."""
    for number, window in enumerate(windows, 1):
        window.screenshot(folder / f"{name}-{number}.png")
