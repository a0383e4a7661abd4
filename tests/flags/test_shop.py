"""Another team's flags in an app of its own: the same, with values of other types."""

from typing import Any

import pytest

from reactive.errors import ApplicationError, ProjectError
from reactive.testing import TestBackend
from tests.flags.conftest import ISSUER, SHOP
from tests.runtime.harness import own_modules

TABLES = ("switches", "switch_overrides")


async def page(backend: TestBackend) -> tuple[bool, float]:
    found = await backend.query("checkout:page")
    return found["is_new"], found["steps"]


async def test_feature_follows_its_flags(shop: TestBackend) -> None:
    ada, bob = shop.with_identity("ada"), shop.with_identity("bob")
    assert (False, 5) == await page(ada) == await page(bob)

    await shop.mutation("flags:set", key="new-checkout", user_id="ada", variant="on")
    await shop.mutation("flags:set", key="steps", variant="few", percentage=100)

    assert (True, 2) == await page(ada)
    assert (False, 2) == await page(bob)
    await shop.mutation("flags:set", key="new-checkout", enabled=False)
    assert (False, 2) == await page(ada)


async def test_page_is_live(shop: TestBackend) -> None:
    pages = shop.with_identity("ada").subscribe("checkout:page")
    assert {"is_new": False, "steps": 5.0} == await anext(pages)

    await shop.mutation("flags:set", key="steps", variant="few")

    assert {"is_new": False, "steps": 2.0} == await anext(pages)
    await pages.aclose()  # type: ignore[attr-defined]


async def test_somebody_who_is_not_logged_in_gets_the_default(shop: TestBackend) -> None:
    await shop.mutation("flags:set", key="new-checkout", variant="on", percentage=99)

    assert (False, 5) == await page(shop)


async def test_details_and_users_whose_overrides_were_not_read(shop: TestBackend) -> None:
    await shop.mutation("flags:set", key="new-checkout", variant="on", percentage=100)

    found = await shop.query("checkout:details", key="new-checkout", user="ada")

    assert ("on", "SPLIT", True, None) == (
        found["variant"],
        found["reason"],
        found["value"],
        found["error"],
    )
    assert 2 == found["metadata"]["revision"]
    assert 0 <= found["metadata"]["bucket"] < 10_000
    assert "INVALID_CONTEXT" == found["error_of_another_user"]


async def test_decisions_are_kept_by_revision(shop: TestBackend) -> None:
    await shop.mutation("checkout:buy", item="a", user="ada")
    await shop.mutation("checkout:buy", item="b", user="ada")
    await shop.mutation("flags:set", key="steps", variant="few")
    assert 2 == await shop.mutation("checkout:buy", item="c", user="ada")

    assert [
        {"user": "ada", "variant": "many", "reason": "DEFAULT", "n": 1.0},
        {"user": "ada", "variant": "few", "reason": "DEFAULT", "n": 2.0},
    ] == sorted(await shop.query("checkout:decisions"), key=lambda row: row["n"])


def row(**fields: Any) -> dict[str, Any]:
    return {"key": "steps", "salt": "s", "updated_at": 0.0, "variant": "few", **fields}


BROKEN = [
    [],
    [row(), row()],
    [row(variant="dozens")],
    [row(default="dozens")],
    [row(percentage=1_000.0)],
    [row(percentage=-5.0)],
]


@pytest.mark.parametrize("rows", BROKEN)
async def test_missing_or_broken_row_is_off_until_it_is_set(
    shop: TestBackend, rows: list[dict[str, Any]]
) -> None:
    """`off` is `many`; the values that the page falls back to are its own."""
    await shop.mutation("checkout:clear", table="switches")
    for each in rows:
        await shop.mutation("checkout:write", table="switches", row=each)

    assert {"variant": "many", "reason": "ERROR", "revision": 0.0} == await shop.query(
        "flags:get", key="steps"
    )
    assert 9 == (await page(shop))[1]
    assert 5 == await shop.mutation("checkout:buy", item="a", user="ada")


async def test_row_that_makes_no_sense_is_mended_by_the_next_call(shop: TestBackend) -> None:
    await shop.mutation("checkout:clear", table="switches")
    await shop.mutation("checkout:write", table="switches", row=row(variant="x", percentage=-1.0))

    await shop.mutation("flags:set", key="steps", variant="few")

    assert 2 == (await page(shop))[1]


async def test_two_rows_are_refused_by_name(shop: TestBackend) -> None:
    await shop.mutation("checkout:write", table="switches", row=row())

    with pytest.raises(ApplicationError, match="two rows of steps"):
        await shop.mutation("flags:set", key="steps", variant="few")


async def test_broken_override_is_of_its_user_only(shop: TestBackend) -> None:
    override = {"key": "steps", "user_id": "ada", "variant": "dozens"}
    await shop.mutation("checkout:write", table="switch_overrides", row=override)

    assert 9 == (await page(shop.with_identity("ada")))[1]
    assert 5 == (await page(shop.with_identity("bob")))[1]


async def test_settings_name_flags_in_any_spelling() -> None:
    with own_modules():
        async with TestBackend(SHOP, flags={"NEW_CHECKOUT": "on"}) as shop:
            assert (True, 5) == await page(shop)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"checkout": "on"}, "setting flags.checkout: is no flag of this app, only new-checkout"),
        ({"new-checkout": "maybe"}, "setting flags.new-checkout: 'maybe' is no variant"),
    ],
)
async def test_settings_that_cannot_be(flags: dict[str, str], message: str) -> None:
    with own_modules(), pytest.raises(ProjectError, match=message):
        async with TestBackend(SHOP, flags=flags):
            pass


async def test_project_without_flags_takes_no_setting_of_them() -> None:
    project = SHOP.parents[1] / "apps" / "camel"
    with own_modules(), pytest.raises(ProjectError, match="the app has no flags"):
        async with TestBackend(project, flags={"realtime": "legacy"}):
            pass


async def test_identity_is_what_tokens_say(shop: TestBackend) -> None:
    await shop.mutation("flags:set", key="steps", user_id=f"{ISSUER}|ada", variant="few")

    assert 2 == (await page(shop.with_identity("ada")))[1]
    assert 5 == (await page(shop.with_identity("ada", issuer="https://other.invalid")))[1]
