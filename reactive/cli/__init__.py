"""The command line."""

import argparse
import sys
from collections.abc import Sequence

from reactive.cli import codegen, data, logs, run, serve, transfer, trial
from reactive.errors import ReactiveError


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        sys.exit(command(options))
    except ReactiveError as error:
        print(f"reactive: error: {error}", file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reactive", description="Live queries, mutations and actions in Python."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (serve, run, codegen, transfer, data, logs, trial):
        module.add(commands)
    return parser
