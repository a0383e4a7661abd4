"""Named checks, their outcomes on stdout, and questions to the test that runs the script.

The client under test holds the interpreter's lock while it waits, so a script is a process of its
own with nothing else in it.
"""

import itertools
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

URL = os.environ["SERVER_URL"]
PROXY_URL = os.environ.get("PROXY_URL", "")

Body = Callable[[], None]

_checks: list[tuple[str, Body]] = []
_questions = itertools.count()
_names = itertools.count()


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(f"@@{json.dumps(message)}\n")
    sys.stdout.flush()


def ask(command: str, *arguments: Any) -> Any:
    """Asks the test for something that only it can do; gives its answer."""
    question = next(_questions)
    _say({"ask": question, "command": command, "arguments": arguments})
    answer = json.loads(sys.stdin.readline())
    assert answer["answer"] == question
    return answer["result"]


def unique_name() -> str:
    """A text that no other check uses."""
    return f"python {os.getpid()} {next(_names)}"


def check(name: str) -> Callable[[Body], Body]:
    def register(body: Body) -> Body:
        _checks.append((name, body))
        return body

    return register


def failure(call: Callable[[], Any]) -> Exception:
    try:
        call()
    except Exception as error:  # which one it is, the check looks at
        return error
    raise AssertionError("the call succeeded")


def run() -> None:
    for name, body in _checks:
        error = None
        try:
            body()
        except Exception:  # a failed check is reported, the next one runs
            error = traceback.format_exc()
        _say({"check": name, "error": error})
    # The library's own threads would keep a normal exit waiting for their sockets.
    sys.stdout.flush()
    os._exit(0)
