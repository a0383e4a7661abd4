"""Answers as the page shows them: growing, stopped, failed, cut, with tools and with thoughts."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.ai.fake_provider import TEXT, environment
from tests.server import ServerProcess
from tests.web.browser import Browser, Window
from tests.web.conftest import ROOT
from tests.web.page import PHONE, Chat, ask, create_thread, is_focused, on, send

pytestmark = pytest.mark.timeout(180)

STORY = "scripted/story"
TEXTS = on("answer-text")
STREAMING = on("answer", state="streaming")
COMPLETE = on("answer", state="complete")
NARROW: dict[str, Any] = PHONE | {"viewport": {"width": 360, "height": 740}}

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


def fits(window: Window) -> bool:
    return bool(window.call("evaluate", "() => document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def provider() -> Iterator[str]:
    """The URL of a provider of models that does what the model's name says."""
    command = [sys.executable, "-m", "tests.ai.fake_provider", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture
def provided(browser: Browser, provider: str, page_build: None, tmp_path: Path) -> Iterator[Chat]:
    """A chat whose server asks that provider."""
    store = tmp_path / "provided.sqlite3"
    with ServerProcess(ROOT, store, env=environment(provider)) as server:
        chat = Chat(browser, server)
        yield chat
        chat.leave()


# --- Growing ---


def test_an_answer_grows_smoothly_in_every_window(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    grace = chat.join("Grace")
    grace.wait_for(on("no-messages"))
    for window in (ada, grace):
        watch(window, TEXTS)
    ask(ada, STORY)
    grace.wait_for(f"{STREAMING} {TEXTS}")
    for window in (ada, grace):
        wait_for_end(window)
        window.wait_for(on("answer-text", growing="false"))

    [text] = ada.texts(TEXTS)
    assert grace.texts(TEXTS) == [text]
    for window in (ada, grace):
        steps = seen(window, TEXTS)
        assert steps[-1] == text
        # The flushes are 20 in a second for 8 seconds; what is drawn in between is smoother.
        assert len(steps) > 40
        assert all(after.startswith(before.rstrip()) for before, after in pairwise(steps))


def test_reloaded_in_mid_answer_it_goes_on(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    ask(ada, STORY)
    before = wait_for_text(ada, 60)
    ada.call("reload")
    ada.wait_for(STREAMING)
    assert wait_for_text(ada, len(before)).startswith(before)
    wait_for_end(ada)
    ada.wait_for(on("answer-text", growing="false"))
    whole = wait_for_text(ada, 1_000)
    ada.call("reload")
    ada.wait_for_texts(TEXTS, [whole])


def test_who_reads_back_is_left_in_peace(chat: Chat) -> None:
    ada = chat.join("Ada", viewport={"width": 900, "height": 420})
    create_thread(ada, "Story")
    send(ada, "line\n" * 30)
    wait_for_end(ada)
    ask(ada, STORY)
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


# --- Stopped and failed ---


@pytest.mark.parametrize("how", ["button of the composer", "button of the answer", "Escape"])
def test_a_stopped_answer_keeps_its_text(chat: Chat, how: str) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    grace = chat.join("Grace")
    ask(ada, STORY)
    wait_for_text(grace, 60)
    before = wait_for_text(ada, 60)
    if how == "Escape":
        ada.press("body", "Escape")
    else:
        ada.click(on("stop" if how == "button of the composer" else "stop-answer"))
    for window in (ada, grace):
        window.wait_for(on("answer", state="stopped"))
        window.wait_for_texts(on("ending-sentence"), ["Stopped. The text so far is kept."])
        window.wait_for(on("stop"), state="detached")
        window.wait_for(on("answer-text", growing="false"))
    [text] = ada.texts(TEXTS)
    assert text.startswith(before)
    assert grace.texts(TEXTS) == [text]

    grace.click(on("ask-again"))
    ada.wait_for(STREAMING)
    ada.wait_for_texts(on("message-text"), ["Tell me something."] * 2)


def test_a_failed_answer_says_why_and_can_be_asked_again(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Failing")
    prompt = "one two three four"
    ask(ada, "scripted/fail", prompt)
    failed = on("answer", state="error")
    ada.wait_for(failed)
    ada.wait_for_texts(TEXTS, ["one two"])
    ada.wait_for_texts(on("ending-code"), ["provider_error"])
    ada.wait_for_texts(on("ending-sentence"), ["The model's provider has failed."])

    ada.click(on("ask-again"))
    ada.wait_for(f"{failed} >> nth=1")
    ada.wait_for_texts(on("message-text"), [prompt, prompt])
    ada.wait_for_texts(TEXTS, ["one two", "one two"])


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


# --- Tools, thoughts, cuts ---


def test_tools_go_through_their_states_and_are_folded(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Tools")
    names = ("current_time", "count_text")
    cards = {name: on("tool", name=name) for name in names}
    for card in cards.values():
        watch(ada, card, "data-state")
    ask(ada, "scripted/tools", "How late is it?")
    wait_for_end(ada)
    for card in cards.values():
        states = seen(ada, card)
        # A quick tool runs for less than a frame.
        assert [state for state in states if state != "running"] == ["pending", "completed"]
        assert states[-1] == "completed"

    output = f"{cards['count_text']} {on('tool-output')}"
    ada.wait_for(output, state="hidden")
    ada.press(f"{cards['count_text']} summary", "Enter")
    ada.wait_for(output)
    assert '"words"' in ada.texts(output)[0]
    assert '"How late is it?"' in ada.texts(f"{cards['count_text']} {on('tool-input')}")[0]

    ada.call("reload")
    ada.wait_for(cards["current_time"])
    assert ada.texts(on("tool-state"))[0].startswith("Done")


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


# --- Around it ---


def test_the_debug_panel_has_the_figures_of_the_stream(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Figures")
    ada.press("body", "Alt+i")
    ada.wait_for(on("debug"))
    ask(ada, STORY)
    wait_for_end(ada)
    ada.wait_for(on("log-check", verdict="equal"))

    def figure(name: str) -> str:
        return ada.texts(f"{on('figure', name=name)} dd")[0]

    ada.wait_for(on("figure", name="stream-finish"))
    assert int(figure("eventCount")) > 50
    assert figure("lastSeq") == figure("durableSeq") == figure("eventCount")
    assert figure("status") == "complete"
    assert (figure("attempt"), figure("variant")) == ("1", "reactive")
    assert figure("timeToFirstToken").endswith(" ms")
    assert float(figure("tokensPerSecond")) > 0
    ada.click(on("debug-close"))
    ada.wait_for(on("debug"), state="detached")
    ada.click(on("inspect"))
    ada.wait_for(on("debug"))


def test_the_keyboard_is_enough(chat: Chat) -> None:
    ada = chat.join("Ada")
    ada.wait_for(on("welcome"))
    ada.press("body", "Alt+n")
    assert is_focused(ada, "new-thread-title")
    create_thread(ada, "Keys")
    ada.press("body", "Alt+m")
    assert is_focused(ada, "composer")

    ada.press(on("model"), "Enter")
    ada.press(f"{on('model-panel')} input:checked", "ArrowDown")
    ada.press(f"{on('model-panel')} input:checked", "Escape")
    ada.wait_for(on("model-panel"), state="detached")
    assert is_focused(ada, "model")
    [chosen] = ada.texts(".model-name")
    assert chosen == "Failing"
    ada.call("reload")
    ada.wait_for_texts(".model-name", [chosen])

    # Escape closes the menu, and stops the answer only when pressed again.
    ask(ada, STORY)
    ada.wait_for(STREAMING)
    ada.press(on("model"), "Enter")
    ada.wait_for(on("model-panel"))
    ada.press(f"{on('model-panel')} input:checked", "Escape")
    ada.wait_for(on("model-panel"), state="detached")
    ada.wait_for(STREAMING)
    ada.press("body", "Escape")
    ada.wait_for(on("answer", state="stopped"))


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
