"""README.md keeps up with the command line and the settings."""

import argparse
import ast
import re
from pathlib import Path

import pytest

from reactive.cli import _parser
from reactive.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands() -> dict[str, argparse.ArgumentParser]:
    """The subcommands of `reactive`."""
    for action in _parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    pytest.fail("the command line has no commands")


def test_every_command_is_shown() -> None:
    assert [] == [name for name in commands() if f"reactive {name}" not in README]


def test_every_setting_is_explained() -> None:
    assert [] == [name for name in Settings.model_fields if f"`{name}`" not in README]


def test_every_setting_is_a_flag() -> None:
    for name, parser in commands().items():
        flags = {flag for action in parser._actions for flag in action.option_strings}
        missing = [
            setting
            for setting in Settings.model_fields
            if f"--{setting.replace('_', '-')}" not in flags
        ]

        assert [] == missing, f"reactive {name}"


def test_table_of_settings_has_their_defaults() -> None:
    for name in ("case", "store", "host", "port"):
        default = Settings.model_fields[name].default

        assert f"`{default}`" in README, name


def test_examples_are_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    assert blocks
    for block in blocks:
        ast.parse(block)


def test_files_that_are_named_exist() -> None:
    named = {
        path
        for path in re.findall(r"`((?:reactive|tests|examples)/[\w/.]+)`", README)
        if not path.endswith("/")
    }

    assert [] == sorted(path for path in named if not (ROOT / path).exists())
