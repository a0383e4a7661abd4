"""The requests that the README shows, as they stand there."""

import argparse
import re
import shlex
from pathlib import Path

from aiohttp import ClientSession
from yarl import URL

README = Path(__file__).parents[2] / "README.md"


def requests() -> list[argparse.Namespace]:
    text = README.read_text().partition("### Answers over HTTP")[2]
    (block,) = re.findall(r"```sh\n(.*?)```", text.partition("\n### ")[0], re.DOTALL)
    curl = argparse.ArgumentParser()
    curl.add_argument("url")
    curl.add_argument("-N", action="store_true")
    curl.add_argument("-H", action="append", default=[], dest="headers")
    curl.add_argument("-d", dest="data")
    return [curl.parse_args(shlex.split(line)[1:]) for line in block.splitlines()]


async def test_requests_are_answered(site: ClientSession) -> None:
    answers = []
    for request in requests():
        # What curl says of a body unless it is told otherwise.
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= dict(line.split(": ", 1) for line in request.headers)
        path = URL(f"http://{request.url}").path
        async with site.post(path, data=request.data, headers=headers) as response:
            answers.append((response.status, await response.text()))

    assert [200] * 4 == [status for status, _ in answers]
    made, story, text, message = [body for _, body in answers]
    assert '"status":"success"' in made
    assert "event: stream-finish" in story
    assert "Hello wide world" == text
    assert '"content": "All at once, please"' in message
