"""Seeded runs of the whole system. `REACTIVE_SIM_SEEDS=1000` makes many more of them."""

import os
from collections.abc import Iterator

import pytest

from reactive.testing.simulator import simulate
from tests.runtime.harness import own_modules
from tests.simulation.world import Plan, run

SEEDS = int(os.environ.get("REACTIVE_SIM_SEEDS", "15"))
"""How many runs each test makes; a failure names its seed and its plan."""


@pytest.fixture(autouse=True, scope="module")
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


def check(plan: Plan) -> None:
    for seed in range(SEEDS):
        try:
            simulate(run(seed, plan), seed)
        except BaseException as error:
            error.add_note(f"seed {seed}, {plan}")
            raise


def test_one_process() -> None:
    check(Plan())


def test_process_that_dies_and_store_that_refuses() -> None:
    check(Plan(crashes=0.02, refusals=0.03))


def test_two_processes_on_one_store() -> None:
    check(Plan(processes=2))


def test_three_processes_that_die() -> None:
    check(Plan(processes=3, crashes=0.02))
