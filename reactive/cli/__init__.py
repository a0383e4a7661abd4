"""The command line."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from reactive.errors import ReactiveError

_MODULES = {
    "serve": "serve",
    "dev": "serve",
    "run": "run",
    "codegen": "codegen",
    "export": "transfer",
    "import": "transfer",
    "data": "data",
    "logs": "logs",
    "trial": "trial",
    "doctor": "doctor",
    "stream": "stream",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = vars(_parser(given).parse_args(given))
    command = options.pop("command")
    try:
        sys.exit(command(options))
    except ReactiveError as error:
        print(f"reactive: error: {error}", file=sys.stderr)
        sys.exit(1)


def _parser(given: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the command that is given, which alone is loaded, or of all of them."""
    named = [_MODULES[word] for word in given[:1] if word in _MODULES]
    parser = argparse.ArgumentParser(
        prog="reactive", description="Live queries, mutations and actions in Python."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in named or dict.fromkeys(_MODULES.values()):
        import_module(f"reactive.cli.{name}").add(commands)
    return parser
