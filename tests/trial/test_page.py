"""The page that shows a trial, in a real browser."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.trial.conftest import KEY, LOOK_S, plant
from tests.upkeep.world import Chat
from tests.web.browser import Browser

FIRST = {"seq": 3, "expected": [{"value": "what was to come"}], "delivered": []}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


async def test_page_is_live(chat: Chat, browser: Browser) -> None:
    async def ask(call: Any, *args: Any) -> Any:
        """The browser waits for the server, which is in this thread."""
        return await asyncio.to_thread(call, *args)

    url = await chat.backend.listen()
    window = await ask(browser.open, "trial", f"{url}/trial")
    await ask(window.fill, "#secret", "wrong")
    await ask(window.click, "button")
    await ask(
        window.wait_for_texts,
        "#status",
        ["The provided admin key was invalid for this server"],
    )
    await ask(window.fill, "#secret", KEY)
    await ask(window.click, "button")
    await ask(window.wait_for_texts, ".tile b", ["0"] * 5)

    await chat.backend.mutation("flags:set", key="realtime", variant="shadow")
    await chat.send()
    await chat.backend.advance(3)
    await ask(window.wait_for_texts, ".tile b", ["1", "0", "0", "0", "0"])
    assert ["2", "0", "0", "0", "0", "0", "0", "0"] == (
        await ask(window.texts, "section:nth-of-type(2) td:last-child")
    )
    await plant(chat, 60, kind="missing", first=FIRST)
    await chat.backend.advance(LOOK_S)
    await ask(window.wait_for_texts, ".tile b", ["61", "60", "0", "0", "1"])

    (alert,) = await ask(window.texts, "li")
    assert "parity: 98.36% of the streams differ, more than 0.1%." in alert
    assert "what was to come" in (await ask(window.texts, "pre"))[0]
    assert [] == await ask(window.errors)
    await ask(window.call, "close")
