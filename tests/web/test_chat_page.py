"""The chat page in two windows of a real browser, against a real server."""

import signal
from pathlib import Path

import pytest

from tests.web.browser import BrowserError, Window
from tests.web.page import PHONE, Chat, create_thread, is_focused, on, send

pytestmark = pytest.mark.timeout(180)

PROMPT_LENGTH_MAX = 100_000

TEXTS = on("message-text")
CONFIRMED = f"{on('message', state='complete')} {TEXTS}"
PENDING = f"{on('message', state='pending')} {TEXTS}"
REFUSED = f"{on('message', state='refused')} {TEXTS}"


def rename(window: Window, name: str) -> None:
    window.click(on("edit-name"))
    window.fill(on("name-input"), name)
    window.press(on("name-input"), "Enter")
    window.wait_for_texts(on("display-name"), [name])


def test_what_one_window_does_others_see_without_a_reload(chat: Chat) -> None:
    ada, grace = chat.join("Ada"), chat.join("Grace")
    ada.wait_for(on("welcome"))
    create_thread(ada, "Engines")
    # The first thread there is opens by itself in a window that shows none.
    grace.wait_for_texts(on("thread-title"), ["Engines"])
    grace.wait_for(on("no-messages"))

    send(ada, "Hello, Grace!")
    grace.wait_for_texts(CONFIRMED, ["Hello, Grace!"])
    send(grace, "Hello, Ada!")
    for window in (ada, grace):
        window.wait_for_texts(CONFIRMED, ["Hello, Grace!", "Hello, Ada!"])
        window.wait_for_texts(".author", ["Ada", "Assistant", "Grace", "Assistant"])


def test_threads_keep_their_messages_apart(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "One")
    send(ada, "in one")
    create_thread(ada, "Two")
    send(ada, "in two")
    ada.wait_for_texts(CONFIRMED, ["in two"])
    ada.wait_for_texts(".thread-title", ["Two", "One"])

    ada.click(f"{on('thread-link')} >> text=One")
    ada.wait_for_texts(on("thread-title"), ["One"])
    ada.wait_for_texts(CONFIRMED, ["in one"])

    address = ada.call("evaluate", "() => location.hash")
    grace = chat.join("Grace", address=address)
    grace.wait_for_texts(CONFIRMED, ["in one"])


def test_an_address_of_no_thread_says_so_and_lets_go(chat: Chat) -> None:
    ada = chat.join("Ada", address="#nothing-has-this-id")
    ada.wait_for(on("failure"))
    create_thread(ada, "Something")
    send(ada, "all is well")
    ada.wait_for_texts(CONFIRMED, ["all is well"])


def test_everybody_sees_who_is_here(chat: Chat) -> None:
    ada, grace = chat.join("Ada"), chat.join("Grace")
    names = f"{on('people')} .person-name"
    ada.wait_for_texts(names, ["Ada", "Grace"])
    grace.wait_for_texts(names, ["Grace", "Ada"])

    rename(grace, "Admiral Hopper")
    ada.wait_for_texts(names, ["Ada", "Admiral Hopper"])

    grace.call("goto", "about:blank")
    # Sooner than a window that merely fell silent would be removed.
    ada.wait_for_texts(names, ["Ada"], seconds=10)


def test_a_window_that_dies_is_forgotten(chat: Chat) -> None:
    ada, grace = chat.join("Ada"), chat.join("Grace")
    names = f"{on('people')} .person-name"
    ada.wait_for_texts(names, ["Ada", "Grace"])
    # A page that crashes can't say goodbye.
    with pytest.raises(BrowserError):
        grace.call("goto", "chrome://crash")
    ada.wait_for_texts(names, ["Ada"], seconds=45)


def test_a_message_shows_before_the_server_answers(chat: Chat) -> None:
    ada, grace = chat.join("Ada"), chat.join("Grace")
    create_thread(ada, "Slow")
    grace.wait_for(on("no-messages"))
    ada.wait_for(on("no-messages"))

    chat.server.process.send_signal(signal.SIGSTOP)
    try:
        send(ada, "one")
        send(ada, "two")
        ada.wait_for_texts(PENDING, ["one", "two"])
        assert grace.texts(TEXTS) == []
        assert ada.texts(CONFIRMED) == []
    finally:
        chat.server.process.send_signal(signal.SIGCONT)
    for window in (ada, grace):
        window.wait_for_texts(CONFIRMED, ["one", "two"])
        window.wait_for_texts(PENDING, [])


def test_a_refused_message_keeps_its_words_and_tells_why(chat: Chat) -> None:
    ada, grace = chat.join("Ada"), chat.join("Grace")
    create_thread(ada, "Short")
    send(ada, "before")
    grace.wait_for_texts(CONFIRMED, ["before"])
    too_long = "x" * (PROMPT_LENGTH_MAX + 1)

    send(ada, too_long)
    ada.wait_for_texts(REFUSED, [too_long])
    reason = "The message is too long: 100,001 characters, 100,000 at most."
    assert ada.texts(on("refusal-reason")) == [reason]
    assert ada.texts(CONFIRMED) == ["before"]
    assert is_focused(ada, "composer")

    ada.click(on("retry"))
    ada.wait_for_texts(on("refusal-reason"), [reason])
    ada.click(on("edit"))
    ada.wait_for_texts(REFUSED, [])
    send(ada, "short")
    grace.wait_for_texts(TEXTS, ["before", "short"])

    send(ada, too_long)
    ada.click(on("dismiss"))
    ada.wait_for_texts(TEXTS, ["before", "short"])
    assert grace.texts(TEXTS) == ["before", "short"]


def test_killed_and_restarted_loses_and_doubles_nothing(chat: Chat) -> None:
    ada, grace = chat.join("Ada"), chat.join("Grace")
    create_thread(ada, "Lasting")
    grace.wait_for(on("no-messages"))
    send(ada, "before")
    for window in (ada, grace):
        window.wait_for_texts(CONFIRMED, ["before"])

    chat.server.kill()
    for window in (ada, grace):
        window.wait_for(on("connection-notice", kind="lost"))
    send(ada, "while it is down")
    ada.wait_for_texts(PENDING, ["while it is down"])
    assert ada.texts(CONFIRMED) == ["before"]

    chat.server.start()
    # The clients try again after up to 16 s, give or take half of it.
    for window in (ada, grace):
        window.wait_for_texts(CONFIRMED, ["before", "while it is down"], seconds=40)
        window.wait_for(on("connection-notice"), state="detached")
        window.wait_for_texts(PENDING, [])
    send(grace, "after")
    for window in (ada, grace):
        window.wait_for_texts(TEXTS, ["before", "while it is down", "after"])


def test_older_messages_load_where_one_scrolls(chat: Chat) -> None:
    ada = chat.join("Ada")
    create_thread(ada, "Long")
    written = [f"message {number}" for number in range(60)]
    for text in written:
        send(ada, text)
    ada.wait_for_texts(CONFIRMED, written)

    ada.call("reload")
    ada.wait_for(f"{TEXTS} >> text='{written[-1]}'")
    shown = ada.texts(TEXTS)
    assert len(shown) < len(written)
    assert shown == written[-len(shown) :]

    scroll_to = "top => document.querySelector('[data-testid=messages]').scrollTop = top"
    ada.call("evaluate", scroll_to, 0)
    ada.wait_for(on("jump"))
    ada.call(
        "waitForFunction",
        "count => document.querySelectorAll('[data-testid=message]').length > count",
        len(shown),
    )
    # What was read stays in view while older messages come in above it.
    ada.call("evaluate", scroll_to, 0)
    ada.wait_for_texts(TEXTS, written)

    ada.click(on("jump"))
    ada.wait_for(f"{TEXTS} >> text='{written[-1]}'")
    ada.wait_for(on("jump"), state="detached")


def test_a_browser_remembers_the_name(chat: Chat) -> None:
    ada = chat.join("Ada")
    ada.wait_for_texts(on("display-name"), ["Ada"])
    rename(ada, "Countess")
    ada.call("reload")
    ada.wait_for_texts(on("display-name"), ["Countess"])


def test_on_a_phone_the_threads_are_behind_a_button(chat: Chat) -> None:
    ada = chat.join("Ada", **PHONE)
    ada.wait_for(on("thread-list"), state="hidden")
    ada.click(on("start"))
    assert is_focused(ada, "new-thread-title")
    create_thread(ada, "Pocket")
    # The list gives way to the thread that was made.
    ada.wait_for(on("thread-list"), state="hidden")
    ada.click(on("menu"))
    ada.click(on("thread-link"))
    ada.press("body", "Escape")
    ada.wait_for(on("thread-list"), state="hidden")
    send(ada, "sent from a phone")
    ada.wait_for_texts(CONFIRMED, ["sent from a phone"])
    fits = "() => document.documentElement.scrollWidth <= innerWidth"
    assert ada.call("evaluate", fits)


def test_looks(chat: Chat, tmp_path: Path) -> None:
    """Leaves pictures of the page in light, dark and on a phone for a person to look at."""
    ada = chat.join("Ada Lovelace")
    create_thread(ada, "Analytical engine")
    dark = chat.join("Grace Hopper", colorScheme="dark")
    send(dark, "The compiler is done.\nIt found three bugs in the tables.")
    phone = chat.join("Alan", **PHONE)
    ada.wait_for_texts(CONFIRMED, ["The compiler is done.\nIt found three bugs in the tables."])
    send(ada, "x" * (PROMPT_LENGTH_MAX + 1))
    ada.wait_for(on("refusal-reason"))
    for name, window in {"light": ada, "dark": dark, "phone": phone}.items():
        window.wait_for_texts(".people-count", ["3 here"])
        window.screenshot(tmp_path / f"{name}.png")
