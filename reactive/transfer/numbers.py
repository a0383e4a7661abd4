"""Which number each table has after an import. Ids carry their table's number, so it must fit."""

from collections.abc import Collection, Mapping
from typing import Final

from reactive.errors import ProjectError

_FIRST: Final = 10_001
"""User tables start here; see `reactive.storage.catalog`."""
_LAST: Final = 2**32 - 1


def plan_numbers(
    wanted: Mapping[str, int | None], present: Mapping[str, int], free: Collection[str]
) -> dict[str, int]:
    """The number of every table that is imported (`wanted`) or there already (`present`).

    A table in `free` will have no documents from before, so that it may get another number.

    Raises:
        ProjectError: naming the tables that stand in each other's way.
    """
    numbers = {name: number for name, number in wanted.items() if number is not None}
    owners: dict[int, str] = {}
    for name, number in numbers.items():
        _check_number(name, number, owners.setdefault(number, name))
        if present.get(name, number) != number and name not in free:
            raise ProjectError(
                f"the table {name} has number {number} in the import and {present[name]} here, "
                "where it has documents: their ids would be of different tables. Import with "
                "--replace, or into an empty database"
            )
    for name, number in present.items():
        if name in numbers:
            continue
        if number not in owners:
            numbers[name] = number
        elif name not in free:
            raise ProjectError(
                f"the table {owners[number]} has number {number} in the import, which is that of "
                f"the table {name} here, and {name} has documents. Import into an empty database"
            )
    for name in sorted({*wanted, *present}.difference(numbers)):
        numbers[name] = _next(name, [*numbers.values(), *present.values()])
    return numbers


def _check_number(name: str, number: int, owner: str) -> None:
    lowest, highest = (1, _FIRST - 1) if name.startswith("_") else (_FIRST, _LAST)
    if not lowest <= number <= highest:
        raise ProjectError(
            f"the import gives the table {name} the number {number}, "
            f"which is not between {lowest} and {highest}"
        )
    if owner != name:
        raise ProjectError(f"the import gives the tables {owner} and {name} the number {number}")


def _next(name: str, taken: list[int]) -> int:
    if name.startswith("_"):
        return max([0, *(number for number in taken if number < _FIRST)]) + 1
    return max([_FIRST - 1, *taken]) + 1
