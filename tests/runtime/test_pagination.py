"""Pages: cursors, journals and splits, with the conformance numbers of `convex-semantics.md`."""

import random
from dataclasses import replace
from typing import Any

import pytest

from reactive import PaginationOptions
from reactive.errors import UsageError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.pagination import CursorCodec, InvalidCursorError, Position
from reactive.values.encoding import load_json
from tests.runtime.harness import Client, FailedError, Server, serving, turns
from tests.session.peers import Add

SECRET = b"s" * 32


def options(items: int, cursor: str | None = None, **more: Any) -> dict[str, Any]:
    return {"numItems": items, "cursor": cursor, **more}


def ranks(page: dict[str, Any]) -> list[float]:
    return [entry["rank"] for entry in page["page"]]


async def fill(server: Server, count: int, name: str = "x") -> None:
    await server.mutate("entries:insert", list_name=name, ranks=list(range(count)))


# Cursors


@pytest.mark.parametrize("position", [Position(None), Position(b""), Position(b"\x00\xff key")])
def test_cursor_round_trip(position: Position) -> None:
    codec = CursorCodec(SECRET, "entries", "by_rank", 1)

    assert position == codec.decode(codec.encode(position))


@pytest.mark.parametrize(
    "other", [("entries", "by_rank", 2), ("entries", "by_id", 1), ("other", "by_rank", 1), ()]
)
def test_cursor_of_another_query_is_refused(other: tuple[object, ...]) -> None:
    cursor = CursorCodec(SECRET, *other).encode(Position(b"key"))
    with pytest.raises(InvalidCursorError, match="another query"):
        CursorCodec(SECRET, "entries", "by_rank", 1).decode(cursor)


def test_cursor_that_somebody_else_made_is_refused() -> None:
    codec = CursorCodec(SECRET, "entries")
    cursor = codec.encode(Position(b"key"))
    forged = CursorCodec(b"t" * 32, "entries").encode(Position(b"key"))
    changed = cursor[:-4] + ("AAAA" if cursor[-4:] != "AAAA" else "BBBB")
    for bad in (forged, changed, "", "AAAA", "not base64!", cursor[4:], cursor + "AAAA", "é"):
        with pytest.raises(InvalidCursorError) as caught:
            codec.decode(bad)

        assert caught.value.message.startswith("InvalidCursor: ")
        assert {
            "isConvexSystemError": True,
            "paginationError": "InvalidCursor",
        } == caught.value.data


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ({"numItems": 0}, "NoDocumentsForPagination"),
        ({"numItems": -1}, "NoDocumentsForPagination"),
        ({"numItems": 32_001}, "PageSizeTooLarge"),
        ({"numItems": 1, "maximumRowsRead": 0}, "InvalidPaginationLimit"),
        ({"numItems": 1, "maximumBytesRead": 0}, "InvalidPaginationLimit"),
    ],
)
def test_sizes_that_no_page_can_have(wire: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        PaginationOptions.model_validate(wire).check()

    assert code == caught.value.code


def test_options_go_by_either_name() -> None:
    assert PaginationOptions(num_items=5, end_cursor="e") == PaginationOptions.model_validate(
        {"numItems": 5, "endCursor": "e"}
    )
    PaginationOptions(num_items=32_000).check()


# Walking


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(("count", "items"), [(0, 3), (1, 3), (3, 3), (7, 3), (9, 1), (5, 100)])
async def test_cursors_walk_the_whole_list(count: int, items: int, order: str) -> None:
    async with serving() as server:
        await fill(server, count)
        await fill(server, 4, "before and after")
        seen: list[float] = []
        cursor, is_done = None, False
        while not is_done:
            page = await server.query(
                "entries:page", list_name="x", options=options(items, cursor), order=order
            )
            assert len(page["page"]) <= items
            seen += ranks(page)
            cursor, is_done = page["continueCursor"], page["isDone"]

        assert sorted(range(count), reverse=order == "desc") == seen
        beyond = await server.query(
            "entries:page", list_name="x", options=options(items, cursor), order=order
        )
        assert ([], True) == (beyond["page"], beyond["isDone"])


async def test_cursor_with_other_arguments_is_invalid() -> None:
    """Conformance 24."""
    async with serving(is_dev=False) as server:
        await fill(server, 5)
        page = await server.query("entries:page", list_name="x", options=options(2))
        cursor = page["continueCursor"]
        for other in ({"list_name": "y"}, {"list_name": "x", "order": "desc"}):
            with pytest.raises(FailedError) as caught:
                await server.query("entries:page", **other, options=options(2, cursor))

            assert {"isConvexSystemError": True, "paginationError": "InvalidCursor"} == load_json(
                caught.value.failure.data or b"null"
            )


async def test_invalid_cursor_says_so_in_development() -> None:
    async with serving() as server:
        with pytest.raises(FailedError, match="InvalidCursor: the cursor is malformed"):
            await server.query("entries:page", list_name="x", options=options(2, "?"))


async def test_one_page_for_each_function() -> None:
    """Conformance 27."""
    async with serving() as server:
        with pytest.raises(FailedError, match="MultiplePaginatedDatabaseQueries"):
            await server.query("entries:two_pages", options=options(1))


async def test_row_limit_and_filter_make_progress_row_by_row() -> None:
    """Conformance 25."""
    async with serving() as server:
        for rank in range(4):
            label = "even" if rank % 2 == 0 else "odd"
            await server.mutate("entries:insert", list_name="x", ranks=[rank], label=label)
        cursor = None
        pages: list[dict[str, Any]] = []
        while not pages or not pages[-1]["isDone"]:
            pages.append(
                await server.query(
                    "entries:page_of",
                    list_name="x",
                    label="odd",
                    options=options(10, cursor, maximumRowsRead=1),
                )
            )
            cursor = pages[-1]["continueCursor"]

        assert [[], [1], [], [3], []] == [ranks(page) for page in pages]
        assert [False] * 4 + [True] == [page["isDone"] for page in pages]


async def test_filter_fills_the_page_from_what_it_lets_through() -> None:
    async with serving() as server:
        for rank in range(10):
            label = "even" if rank % 2 == 0 else "odd"
            await server.mutate("entries:insert", list_name="x", ranks=[rank], label=label)
        page = await server.query("entries:page_of", list_name="x", label="odd", options=options(3))

        assert [1, 3, 5] == ranks(page)


async def test_byte_limit_ends_a_page_after_a_row() -> None:
    async with serving() as server:
        await fill(server, 5)
        page = await server.query(
            "entries:page", list_name="x", options=options(5, maximumBytesRead=1)
        )

        assert [0] == ranks(page)
        assert not page["isDone"]


# Splitting


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("count", [3, 4, 7, 10])
async def test_halves_of_a_split_make_the_page(count: int, order: str) -> None:
    """Conformance 26."""
    async with serving() as server:
        await fill(server, count + 5)
        args = {"list_name": "x", "order": order}
        page = await server.query("entries:page", **args, options=options(count))
        split, end = page["splitCursor"], page["continueCursor"]
        first = await server.query(
            "entries:page", **args, options=options(1, None, endCursor=split)
        )
        second = await server.query(
            "entries:page", **args, options=options(1, split, endCursor=end)
        )

        assert ranks(page) == ranks(first) + ranks(second)
        assert ranks(first)
        assert ranks(second)
        assert (split, end) == (first["continueCursor"], second["continueCursor"])
        assert not second["isDone"]


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_short_page_has_no_split(count: int) -> None:
    async with serving() as server:
        await fill(server, count)
        page = await server.query("entries:page", list_name="x", options=options(5))

        assert page["splitCursor"] is None
        assert page["pageStatus"] is None


async def test_long_page_recommends_a_split() -> None:
    async with serving(limits=replace(DEFAULT_LIMITS, page_split_items=5)) as server:
        await fill(server, 10)
        short = await server.query("entries:page", list_name="x", options=options(5))
        long = await server.query("entries:page", list_name="x", options=options(6))

        assert (None, "SplitRecommended") == (short["pageStatus"], long["pageStatus"])
        assert long["splitCursor"] is not None


async def test_page_near_the_read_limit_recommends_a_split() -> None:
    async with serving(limits=replace(DEFAULT_LIMITS, documents_read_max=8)) as server:
        await fill(server, 6)
        await server.mutate("entries:insert", list_name="x", ranks=[6, 7, 8, 9])
        few = await server.query("entries:page", list_name="x", options=options(6))
        many = await server.query("entries:page", list_name="x", options=options(7))

        assert (None, "SplitRecommended") == (few["pageStatus"], many["pageStatus"])


async def test_page_at_the_read_limit_ends_there_and_requires_a_split() -> None:
    """A limit ends the page, and does not fail it."""
    async with serving(limits=replace(DEFAULT_LIMITS, documents_read_max=8)) as server:
        await fill(server, 6)
        await server.mutate("entries:insert", list_name="x", ranks=[6, 7, 8, 9])
        page = await server.query("entries:page", list_name="x", options=options(10))

        assert "SplitRequired" == page["pageStatus"]
        assert [0, 1, 2, 3, 4, 5, 6, 7] == ranks(page)
        assert not page["isDone"]

        rest = await server.query(
            "entries:page", list_name="x", options=options(10, page["continueCursor"])
        )

        assert [8, 9] == ranks(rest)


# Journals


class Reader:
    """A client that loads one page after another, as `usePaginatedQuery` does."""

    def __init__(self, client: Client, path: str = "entries:page", order: str = "asc") -> None:
        self.client = client
        self.path = path
        self.order = order

    async def load_more(self, items: int) -> None:
        pages = self.client.values
        cursor = pages[-1]["continueCursor"] if pages else None
        args = {"list_name": "x", "options": options(items, cursor)}
        if self.path == "entries:page":
            args["order"] = self.order
        await self.client.watch(Add(self.path, args))

    @property
    def pages(self) -> list[list[float]]:
        return [ranks(page) for page in self.client.values]


async def reader(server: Server, *sizes: int, path: str = "entries:page") -> Reader:
    found = Reader(await server.client(), path)
    for size in sizes:
        await found.load_more(size)
    return found


async def test_page_grows_in_place() -> None:
    """Conformance 21."""
    async with serving() as server:
        await fill(server, 6)
        pages = await reader(server, 2, 2)
        await server.mutate("entries:insert", list_name="x", ranks=[0.5, -1, 2.5])
        await turns()

        assert [[-1, 0, 0.5, 1], [2, 2.5, 3]] == pages.pages


async def test_page_shrinks_to_nothing_in_place() -> None:
    """Conformance 22."""
    async with serving() as server:
        await fill(server, 6)
        pages = await reader(server, 2, 2)
        await server.mutate("entries:delete", list_name="x", ranks=[0, 1])
        await turns()

        assert [[], [2, 3]] == pages.pages

        await server.mutate("entries:insert", list_name="x", ranks=[0.5])
        await turns()

        assert [[0.5], [2, 3]] == pages.pages


async def test_page_keeps_its_end_over_a_reconnect() -> None:
    """Conformance 23."""
    async with serving() as server:
        await fill(server, 6)
        pages = await reader(server, 2, 2)
        pages.client.worker.close()
        await server.mutate("entries:insert", list_name="x", ranks=[0.5, 2.5])
        await pages.client.connect()

        assert [[0, 0.5, 1], [2, 2.5, 3]] == pages.pages


async def test_page_keeps_its_end_when_somebody_logs_in() -> None:
    async with serving() as server:
        await fill(server, 6)
        pages = await reader(server, 2, 2)
        await server.mutate("entries:insert", list_name="x", ranks=[0.5])
        await turns()
        await pages.client.say(pages.client.peer.authenticate(None))

        assert [[0, 0.5, 1], [2, 3]] == pages.pages


async def test_page_keeps_its_end_over_a_failure() -> None:
    async with serving() as server:
        await fill(server, 6)
        pages = await reader(server, 2, 2, path="entries:fragile_page")
        await server.mutate("entries:insert", list_name="broken x", ranks=[1])
        await turns()

        assert all("broken" in failure for failure in pages.client.values)

        await server.mutate("entries:insert", list_name="x", ranks=[0.5])
        await server.mutate("entries:delete", list_name="broken x", ranks=[1])
        await turns()

        assert [[0, 0.5, 1], [2, 3]] == pages.pages


async def test_query_without_pages_has_no_journal() -> None:
    async with serving() as server:
        client = await server.client(Add("counters:get", {"name": "a"}))

        assert [None] == [query.journal for query in client.peer.queries.values()]


@pytest.mark.parametrize("seed", range(8))
async def test_pages_have_no_gaps_and_no_repetitions(seed: int) -> None:
    """Whatever is inserted and deleted, loaded, reconnected or closed in between."""
    dice = random.Random(seed)
    order = dice.choice(["asc", "desc"])
    async with serving() as server:
        await fill(server, 12)
        present = {float(rank) for rank in range(12)}
        readers = [Reader(await server.client(), order=order) for _ in range(3)]
        for _ in range(25):
            chance = dice.random()
            pages = dice.choice(readers)
            if chance < 0.4:
                new = round(dice.uniform(-2, 14), 3)
                present.add(new)
                await server.mutate("entries:insert", list_name="x", ranks=[new])
            elif chance < 0.6 and present:
                gone = dice.choice(sorted(present))
                present.remove(gone)
                await server.mutate("entries:delete", list_name="x", ranks=[gone])
            elif chance < 0.85:
                await pages.load_more(dice.randint(1, 4))
            else:
                await pages.client.connect()
            await turns()
            whole = sorted(present, reverse=order == "desc")
            for each in readers:
                shown = [rank for page in each.pages for rank in page]
                is_done = bool(each.pages) and each.client.values[-1]["isDone"]
                assert whole[: len(shown)] == shown
                assert not is_done or whole == shown
