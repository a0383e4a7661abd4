"""Answers as the page shows them: reloaded, scrolled, listened to, on phones; and how they look."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ai.fake_provider import TEXT, environment
from tests.server import ServerProcess
from tests.web.browser import Browser, Window
from tests.web.conftest import ROOT
from tests.web.page import (
    COMPLETE,
    ECHO,
    PHONE,
    STORY,
    STREAMING,
    TEXTS,
    WORDS,
    Chat,
    ask,
    create_thread,
    on,
    seen,
    send,
    wait_for_end,
    wait_for_text,
    watch,
)

pytestmark = pytest.mark.timeout(180)

NARROW: dict[str, Any] = PHONE | {"viewport": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The URL of a provider of models that does what the model's name says."""
    command = [sys.executable, "-m", "tests.ai.fake_provider", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def providing(
    provider: str, page_build: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server that asks that provider."""
    store = tmp_path_factory.mktemp("provided") / "data.sqlite3"
    with ServerProcess(ROOT, store, env=environment(provider)) as server:
        yield server


@pytest.fixture
def provided(browser: Browser, providing: ServerProcess) -> Iterator[Chat]:
    chat = Chat(browser, providing)
    yield chat
    chat.leave()


def fits(window: Window) -> bool:
    return bool(window.call("evaluate", "() => document.documentElement.scrollWidth <= innerWidth"))


def test_who_reads_back_is_left_in_peace(chat: Chat) -> None:
    ada = chat.join("Ada", viewport={"width": 900, "height": 420})
    create_thread(ada, "Story")
    send(ada, "line\n" * 30)
    wait_for_end(ada)
    ask(ada, ECHO, "\n\n".join([WORDS] * 2))
    live = f"{STREAMING} {TEXTS}"
    wait_for_text(ada, 60, live)
    position = "() => document.querySelector('[data-testid=messages]').scrollTop"
    ada.call("evaluate", "() => document.querySelector('[data-testid=messages]').scrollBy(0, -30)")
    ada.wait_for(on("jump"))
    there = ada.call("evaluate", position)
    wait_for_text(ada, len(ada.texts(live)[0]) + 300, live)
    assert ada.call("evaluate", position) == there

    ada.click(on("jump"))
    ada.wait_for(on("jump"), state="detached")
    wait_for_end(ada, f"{COMPLETE} >> nth=1")
    at_end = """() => {
      const view = document.querySelector('[data-testid=messages]');
      return view.scrollHeight - view.clientHeight - view.scrollTop < 2;
    }"""
    ada.call("waitForFunction", at_end)


def test_killed_in_mid_answer_the_text_so_far_is_kept(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    ask(ada, STORY)
    wait_for_text(ada, 60)
    chat.server.kill()
    ada.wait_for(on("connection-notice", kind="lost"))
    before = ada.texts(TEXTS)[0]
    chat.server.start()
    wait_for_end(ada, on("answer", state="error"))
    ada.wait_for_texts(on("ending-code"), ["orphaned"])
    ada.wait_for(on("answer-text", growing="false"))
    [text] = ada.texts(TEXTS)
    # What was stored may not have been sent any more.
    assert before
    assert text.startswith(before)
    ada.click(on("ask-again"))
    ada.wait_for(STREAMING)


def test_a_screen_reader_is_told_how_it_goes_and_not_each_word(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Spoken")
    grace = chat.join("Grace")
    grace.wait_for(on("no-messages"))
    watch(grace, on("announcer"))
    ask(ada, "scripted/slow", "Hello")
    grace.wait_for_texts(on("announcer"), ["The answer is complete."])
    told = [text for text in seen(grace, on("announcer")) if text]
    assert told[0] == "Ada: Hello The answer begins."
    assert told[-1] == "The answer is complete."
    assert grace.call("getAttribute", on("messages"), "aria-live") == "off"


def test_those_who_want_no_motion_get_whole_pieces(chat: Chat) -> None:
    ada = chat.join("Ada", reducedMotion="reduce")
    create_thread(ada, "Still")
    watch(ada, TEXTS)
    ask(ada, "scripted/echo", "a few words that come piece by piece")
    wait_for_end(ada)
    ada.wait_for_texts(TEXTS, ["a few words that come piece by piece"])
    words = {"a", "few", "words", "that", "come", "piece", "by"}
    assert all(words.issuperset(step.split()) for step in seen(ada, TEXTS))


def test_everything_fits_a_narrow_window(chat: Chat) -> None:
    ada = chat.join("Ada", **NARROW)
    ada.click(on("start"))
    create_thread(ada, "Narrow")
    assert fits(ada)
    ask(ada, "scripted/tools", "x" * 200)
    wait_for_end(ada)
    ada.click(f"{on('tool')} summary >> nth=1")
    send(ada, "```\n" + "code " * 60 + "\n```\n\n|" + " cell |" * 30 + "\n|" + "---|" * 30)
    wait_for_end(ada, f"{COMPLETE} >> nth=1")
    assert fits(ada)
    ada.click(on("debug-toggle"))
    ada.wait_for(on("log-check"))
    assert fits(ada)


def test_looks_of_answers(chat: Chat, tmp_path: Path) -> None:
    """Leaves pictures of answers in each state, in light and dark, for a person to look at."""
    windows = {
        "light": chat.join("Ada Lovelace"),
        "dark": chat.join("Grace Hopper", colorScheme="dark"),
        "narrow": chat.join("Alan", **NARROW),
    }
    ada = windows["light"]
    create_thread(ada, "Harbor")

    def picture(state: str) -> None:
        for name, window in windows.items():
            window.screenshot(tmp_path / f"{state}-{name}.png")

    for window in windows.values():
        window.wait_for(on("no-messages"))
    picture("idle")
    ask(ada, STORY)
    for window in windows.values():
        wait_for_text(window, 200)
    picture("streaming")
    models = {"stopped": STORY, "complete": "scripted/tools", "error": "scripted/fail"}
    for state, model in models.items():
        ask(ada, model, "What is the time, please?")
        if state == "stopped":
            # The answer before may be over by now.
            ada.wait_for(STREAMING)
            ada.press("body", "Escape")
        for window in windows.values():
            wait_for_end(window, on("answer", state=state))
        picture(state)
    assert len(list(tmp_path.glob("*.png"))) == 15


def test_reloaded_in_mid_answer_it_goes_on(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    prompt = f"{WORDS} {WORDS[:500]}"
    ask(ada, ECHO, prompt)
    before = wait_for_text(ada, 60)
    ada.call("reload")
    ada.wait_for(STREAMING)
    assert wait_for_text(ada, len(before)).startswith(before)
    wait_for_end(ada)
    ada.wait_for(on("answer-text", growing="false"))
    assert ada.texts(TEXTS) == [prompt]
    ada.call("reload")
    ada.wait_for_texts(TEXTS, [prompt])


def test_nothing_of_an_answer_becomes_part_of_the_page(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Safe")
    attack = (
        "<img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](https://example.org/b.png)"
        " <b>c</b> **d**"
    )
    send(ada, attack)
    wait_for_end(ada)
    ada.wait_for_texts(TEXTS, ["<img src=x onerror=alert(1)> a b <b>c</b> d"])
    inside = f'() => [...document.querySelectorAll("{TEXTS} *")].map(one => one.tagName)'
    assert set(ada.call("evaluate", inside)) == {"P", "STRONG", "A"}
    links = f'() => [...document.querySelectorAll("{TEXTS} a")].map(one => one.href)'
    assert ada.call("evaluate", links) == ["https://example.org/b.png"]


def test_thoughts_are_folded(provided: Chat) -> None:
    ada = provided.join("Ada")
    create_thread(ada, "Thoughts")
    ask(ada, "openai/thought")
    wait_for_end(ada)
    ada.wait_for_texts(TEXTS, [TEXT])
    ada.wait_for(f"{on('reasoning-summary')} >> text=Thought for")
    ada.wait_for(on("reasoning-text"), state="detached")
    ada.click(on("reasoning-summary"))
    ada.wait_for_texts(on("reasoning-text"), ["Hm, so 🤔"])


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("length", "The answer was cut: it has reached the model's limit of length."),
        ("filter", "The answer was cut by the provider's content filter."),
    ],
)
def test_a_cut_answer_says_so(provided: Chat, model: str, sentence: str) -> None:
    ada = provided.join("Ada")
    create_thread(ada, "Cut")
    ask(ada, f"openai/{model}")
    wait_for_end(ada)
    ada.wait_for_texts(TEXTS, [TEXT])
    ada.wait_for_texts(on("ending-sentence"), [sentence])
