"""A shared wall of pictures, which go from the browser straight into the file storage."""

from pydantic import BaseModel

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import FileId, Picture

CAPTION_LENGTH_MAX = 80
SIZE_MAX = 5 * 1024 * 1024
LISTED_MAX = 200


class Hung(BaseModel):
    """A picture as the page shows it: with a URL and the size in bytes of its file."""

    id: Id[Picture]
    caption: str
    url: str
    size: int


@query(name="list")
async def list_pictures(ctx: QueryCtx) -> list[Hung]:
    """The pictures on the wall, newest first."""
    hung = []
    for picture in await ctx.db.query(Picture).order("desc").take(LISTED_MAX):
        url = await ctx.storage.get_url(picture.file)
        file = await ctx.db.system.get(picture.file)
        if url is not None and file is not None:
            hung.append(Hung(id=picture.id, caption=picture.caption, url=url, size=file.size))
    return hung


@mutation
async def generate_upload_url(ctx: MutationCtx) -> str:
    """Where the browser may POST one file. Whoever may upload is decided here."""
    return await ctx.storage.generate_upload_url()


@mutation
async def hang(ctx: MutationCtx, file: FileId, caption: str) -> Id[Picture] | None:
    """Hang a file that was uploaded on the wall. One that is no picture is deleted instead.

    It gives None then: an error would undo the deletion, like everything that the mutation did.
    """
    stored = await ctx.db.system.get(file)
    if stored is None:
        raise ApplicationError({"code": "no_file", "message": "There is no such file."})
    known = await ctx.db.query(Picture).with_index("by_file", file=file).first()
    if known is not None:
        return known.id
    if not str(stored.content_type).startswith("image/") or stored.size > SIZE_MAX:
        await ctx.storage.delete(file)
        return None
    caption = caption.strip()[:CAPTION_LENGTH_MAX] or "Untitled"
    return await ctx.db.insert(Picture(file=file, caption=caption))


@mutation
async def take_down(ctx: MutationCtx, id: Id[Picture]) -> None:
    """Take a picture off the wall, and delete its file with it: both, or neither."""
    picture = await ctx.db.get(id)
    if picture is not None:
        await ctx.storage.delete(picture.file)
        await ctx.db.delete(id)
