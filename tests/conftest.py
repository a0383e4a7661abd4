"""Which tests begin first when several processes share them."""

import pytest

LONG = {"web", "hooks", "transfer", "auth", "trial", "jobs", "schema", "upkeep"}
"""Folders of files that wait long for browsers, clients or restarts: begun last, one of them would
keep all but one process idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in LONG)
