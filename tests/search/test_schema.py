"""Search indexes as a schema declares them."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from reactive.errors import ProjectError
from reactive.runtime.loader import load_project
from reactive.settings import Settings
from reactive.values.tables import TextSpec
from tests.runtime.harness import own_modules, serving

CAMEL = {
    "schema.py": """
        from typing import Annotated

        from pydantic import BaseModel, Field

        from reactive import Document, search_index

        class Profile(BaseModel):
            short_bio: str

        class Person(Document, table="people"):
            full_name: str
            home_town: Annotated[str, Field(alias="from")]
            profile: Profile

            search_name = search_index("full_name", filter_fields=["home_town"])
            search_bio = search_index("profile.short_bio", filter_fields=["profile.short_bio"])
    """,
    "functions/people.py": """
        from reactive import MutationCtx, QueryCtx, mutation, query
        from schema import Person, Profile

        @mutation
        async def add(ctx: MutationCtx, full_name: str, town: str, bio: str) -> None:
            profile = Profile(short_bio=bio)
            await ctx.db.insert(Person(full_name=full_name, home_town=town, profile=profile))

        @query
        async def by_name(ctx: QueryCtx, text: str, town: str) -> list[str]:
            people = ctx.db.query(Person).with_search_index(
                "search_name", lambda q: q.search("full_name", text).eq("home_town", town)
            )
            return [person.full_name async for person in people]

        @query
        async def by_bio(ctx: QueryCtx, text: str, bio: str) -> list[str]:
            people = ctx.db.query(Person).with_search_index(
                Person.search_bio,
                lambda q: q.search("profile.short_bio", text).eq("profile.short_bio", bio),
            )
            return [person.full_name async for person in people]
    """,
}


def project(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    return folder


async def test_names_are_pythons_whatever_the_wire_has(tmp_path: Path) -> None:
    folder = project(tmp_path, CAMEL)
    async with serving(folder, settings=Settings(case="camel")) as server:
        for name, town, bio in (("Ada L", "London", "likes rain"), ("Ada M", "Ulm", "likes sun")):
            await server.mutate("people:add", fullName=name, town=town, bio=bio)
        assert await server.query("people:byName", text="ad", town="Ulm") == ["Ada M"]
        assert await server.query("people:byBio", text="likes", bio="likes rain") == ["Ada L"]
        (table,) = (each for each in server.database.store.tables() if each.name == "people")
        assert {index.name: index.spec for index in table.text_indexes} == {
            "search_name": TextSpec(("fullName",), (("from",),)),
            "search_bio": TextSpec(("profile", "shortBio"), (("profile", "shortBio"),)),
        }


def declared(folder: Path, fields: str) -> Any:
    """Loads a schema of one table with these lines."""
    head = dedent("""
        from typing import Annotated, Any, Literal, Optional
        from pydantic import BaseModel, Field
        from reactive import Document, Id, Int64, Unset, UNSET, search_index

        class Inner(BaseModel):
            text: str
            number: int

        class Item(Document, table="items"):
    """)
    lines = "".join(f"    {line.strip()}\n" for line in fields.strip().splitlines())
    project(folder, {"schema.py": head + lines})
    with own_modules():
        return load_project(folder, "exact")


@pytest.mark.parametrize(
    "annotation",
    [
        "str",
        "str | None",
        "Optional[str]",
        "str | Unset",
        "str | int",
        "Any",
        'Literal["x"]',
        "Annotated[str, Field(max_length=5)]",
        'Id["items"]',
    ],
)
def test_fields_that_can_hold_a_text(tmp_path: Path, annotation: str) -> None:
    declared(tmp_path, f"a: {annotation}\nsearch_a = search_index('a')")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("a: int\nsearch_a = search_index('a')", "'a' is none"),
        ("a: list[str]\nsearch_a = search_index('a')", "'a' is none"),
        ("a: Int64 | None\nsearch_a = search_index('a')", "'a' is none"),
        ("a: Literal[1]\nsearch_a = search_index('a')", "'a' is none"),
        ("a: Inner\nsearch_a = search_index('a')", "'a' is none"),
        ("a: Inner\nsearch_a = search_index('a.number')", "'a.number' is none"),
        ("a: str\nsearch_a = search_index('b')", "'b', which does not exist"),
        ("a: str\nsearch_a = search_index('a', filter_fields=['b'])", "'b', which does not"),
        ("a: str\nsearch_a = search_index('a', filter_fields=['a', 'a'])", "filter field twice"),
        ("a: str\n_search = search_index('a')", "is no name for an index"),
        ("a: str\nby_id = search_index('a')", "the name is reserved"),
        (
            "\n".join(f"f{n}: str\nsearch_{n} = search_index('f{n}')" for n in range(5)),
            "5 search indexes (limit: 4)",
        ),
        (
            "\n".join(f"f{n}: str" for n in range(17))
            + f"\nsearch_a = search_index('f0', filter_fields={[f'f{n}' for n in range(17)]})",
            "17 filter fields (limit: 16)",
        ),
    ],
)
def test_indexes_that_cannot_be(tmp_path: Path, fields: str, message: str) -> None:
    with pytest.raises(ProjectError) as refused:
        declared(tmp_path, fields)
    assert message in str(refused.value)
    assert "items" in str(refused.value) or "Item" in str(refused.value)
