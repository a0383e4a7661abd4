"""Answers as the page shows them: growing, stopped, failed, with tools, and with their figures."""

from itertools import pairwise

import pytest

from tests.web.page import (
    ECHO,
    STORY,
    STREAMING,
    TEXTS,
    WORDS,
    Chat,
    ask,
    create_thread,
    is_focused,
    on,
    seen,
    wait_for_end,
    wait_for_text,
    watch,
)

pytestmark = pytest.mark.timeout(180)


# --- Growing ---


def test_an_answer_grows_smoothly_in_every_window(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    grace = chat.join("Grace")
    grace.wait_for(on("no-messages"))
    for window in (ada, grace):
        watch(window, TEXTS)
    ask(ada, ECHO, WORDS)
    grace.wait_for(f"{STREAMING} {TEXTS}")
    for window in (ada, grace):
        wait_for_end(window)
        window.wait_for(on("answer-text", growing="false"))

    [text] = ada.texts(TEXTS)
    assert text == WORDS
    assert grace.texts(TEXTS) == [text]
    for window in (ada, grace):
        steps = seen(window, TEXTS)
        assert steps[-1] == text
        # The flushes are 20 in a second for 3 seconds; what is drawn in between is smoother.
        assert len(steps) > 40
        assert all(after.startswith(before.rstrip()) for before, after in pairwise(steps))


# --- Stopped and failed ---


def test_a_stopped_answer_keeps_its_text(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Story")
    grace = chat.join("Grace")
    ask(ada, STORY)
    wait_for_text(grace, 60)
    before = wait_for_text(ada, 60)
    ada.click(on("stop-answer"))
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
    ada.click(on("stop"))
    grace.wait_for(f"{on('answer', state='stopped')} >> nth=1")


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


def test_a_failed_answer_is_dismissed_in_every_window(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Failing")
    grace = chat.join("Grace")
    ask(ada, ECHO, "before")
    ask(ada, "scripted/fail", "one two three four")
    failed = on("answer", state="error")
    for window in (ada, grace):
        window.wait_for(failed)
        window.wait_for_texts(TEXTS, ["before", "one two"])

    ada.click("role=button[name='Dismiss this failed answer']")
    for window in (ada, grace):
        window.wait_for(failed, state="detached")
        window.wait_for_texts(on("message-text"), ["before", "one two three four"])
        window.wait_for_texts(TEXTS, ["before"])
    grace.call("reload")
    grace.wait_for_texts(TEXTS, ["before"])
    ask(grace, "scripted/fail", "again")
    for window in (ada, grace):
        window.wait_for(failed)

    # It is gone from the window that dismisses it before the server has answered.
    chat.server.kill()
    ada.click(on("dismiss-answer"))
    ada.wait_for(failed, state="detached")
    ada.wait_for_texts(TEXTS, ["before"])
    grace.wait_for(failed)


# --- Tools ---


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
        # What lasts for less than a frame is not seen.
        assert states == [s for s in ("pending", "running", "completed") if s in states]
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


# --- Around it ---


def test_the_debug_panel_has_the_figures_of_the_stream(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Figures")
    ada.press("body", "Alt+i")
    ada.wait_for(on("debug"))
    ask(ada, ECHO, WORDS[:500])
    wait_for_end(ada)
    ada.wait_for(on("log-check", verdict="equal"))

    def figure(name: str) -> str:
        return ada.texts(f"{on('figure', name=name)} dd")[0]

    ada.wait_for(on("figure", name="stream-finish"))
    assert int(figure("eventCount")) > 10
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
