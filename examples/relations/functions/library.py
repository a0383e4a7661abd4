"""Books with all that belongs to them: joins are loops over indexes, in one snapshot."""

from pydantic import BaseModel

from reactive import (
    UNSET,
    ApplicationError,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    mutation,
    query,
)
from schema import Author, Book, Review, Stars, Tag, Tagging, Title, Year

LISTED_MAX = 100


class Shelved(BaseModel):
    """A book, joined with its author, its tags and its reviews."""

    id: Id[Book]
    title: str
    year: int
    author: str
    tags: list[str]
    stars: float | None
    reviews: int


@query(name="list")
async def list_books(ctx: QueryCtx, tag: str | Unset = UNSET) -> list[Shelved]:
    """The books, all or those of one tag, newest on the shelf first.

    It depends on the rows that it reads and on nothing else: a review of a book that is not shown
    runs it for nobody.
    """
    if isinstance(tag, Unset):
        books = await ctx.db.query(Book).order("desc").take(LISTED_MAX)
    else:
        books = await _books_of_tag(ctx, tag)
    return [await _shelved(ctx, book) for book in books]


@query
async def tags(ctx: QueryCtx) -> list[str]:
    """The names of all tags, in the order of the alphabet."""
    return [tag.name async for tag in ctx.db.query(Tag).with_index("by_name")]


@mutation
async def add(ctx: MutationCtx, title: Title, author: Title, year: Year) -> Id[Book]:
    """Add a book, and its author if need be.

    Raises:
        ApplicationError: the author has a book of this title already; the data has its id.
    """
    known = await ctx.db.query(Author).with_index("by_name", name=author).unique()
    author_id = await ctx.db.insert(Author(name=author)) if known is None else known.id
    twin = await (
        ctx.db.query(Book).with_index("by_author_title", author=author_id, title=title).first()
    )
    if twin is not None:
        message = f"“{title}” by {author} is on the shelf already."
        raise ApplicationError({"code": "duplicate", "message": message, "book": twin.id})
    return await ctx.db.insert(Book(title=title, year=year, author=author_id))


@mutation
async def tag(ctx: MutationCtx, book: Id[Book], name: Title) -> None:
    """Give a book a tag, which is made if it is new. Once is enough, twice is no error."""
    await _require(ctx, book)
    known = await ctx.db.query(Tag).with_index("by_name", name=name).unique()
    tag_id = await ctx.db.insert(Tag(name=name)) if known is None else known.id
    taggings = ctx.db.query(Tagging).with_index("by_book_tag", book=book, tag=tag_id)
    if await taggings.first() is None:
        await ctx.db.insert(Tagging(book=book, tag=tag_id))


@mutation
async def review(ctx: MutationCtx, book: Id[Book], stars: Stars) -> None:
    """Say how good a book is."""
    await _require(ctx, book)
    await ctx.db.insert(Review(book=book, stars=stars))


@mutation
async def remove(ctx: MutationCtx, book: Id[Book]) -> None:
    """Remove a book with all that hangs on it: its reviews, and tags that no other book has."""
    await _require(ctx, book)
    for review in await ctx.db.query(Review).with_index("by_book", book=book).collect():
        await ctx.db.delete(review.id)
    for tagging in await ctx.db.query(Tagging).with_index("by_book_tag", book=book).collect():
        await ctx.db.delete(tagging.id)
        if await ctx.db.query(Tagging).with_index("by_tag", tag=tagging.tag).first() is None:
            await ctx.db.delete(tagging.tag)
    await ctx.db.delete(book)


async def _books_of_tag(ctx: QueryCtx, name: str) -> list[Book]:
    tag = await ctx.db.query(Tag).with_index("by_name", name=name).unique()
    if tag is None:
        return []
    taggings = ctx.db.query(Tagging).with_index("by_tag", tag=tag.id).order("desc")
    found = [await ctx.db.get(tagging.book) for tagging in await taggings.take(LISTED_MAX)]
    return [book for book in found if book is not None]


async def _shelved(ctx: QueryCtx, book: Book) -> Shelved:
    author = await ctx.db.get(book.author)
    reviews = await ctx.db.query(Review).with_index("by_book", book=book.id).collect()
    taggings = await ctx.db.query(Tagging).with_index("by_book_tag", book=book.id).collect()
    tags = [await ctx.db.get(tagging.tag) for tagging in taggings]
    return Shelved(
        id=book.id,
        title=book.title,
        year=book.year,
        author="unknown" if author is None else author.name,
        tags=sorted(tag.name for tag in tags if tag is not None),
        stars=sum(review.stars for review in reviews) / len(reviews) if reviews else None,
        reviews=len(reviews),
    )


async def _require(ctx: MutationCtx, book: Id[Book]) -> None:
    if await ctx.db.get(book) is None:
        raise ApplicationError({"code": "not_found", "message": "There is no such book."})
