"""Files as the demo of Convex uses them, and in every other way."""

from collections.abc import AsyncIterator
from typing import Any

from reactive import ActionCtx, Id, MutationCtx, QueryCtx, action, mutation, query
from schema import Picture


@mutation
async def generate_upload_url(ctx: MutationCtx) -> str:
    return await ctx.storage.generate_upload_url()


@mutation
async def save(ctx: MutationCtx, name: str, file: Id["_storage"]) -> Id[Picture]:
    return await ctx.db.insert(Picture(name=name, file=file))


@query(name="list")
async def list_pictures(ctx: QueryCtx, name: str) -> list[Any]:
    found = await ctx.db.query(Picture).with_index("by_name", name=name).collect()
    return [{"name": each.name, "url": await ctx.storage.get_url(each.file)} for each in found]


@query
async def url(ctx: QueryCtx, file: Id["_storage"]) -> str | None:
    return await ctx.storage.get_url(file)


@query
async def any_url(ctx: QueryCtx, file: str) -> str | None:
    return await ctx.storage.get_url(file)


@query
async def facts(ctx: QueryCtx, file: Id["_storage"]) -> Any:
    return await ctx.db.system.get(file)


@query
async def types(ctx: QueryCtx) -> list[str]:
    found = await ctx.db.system.query("_storage").collect()
    return [str(each.content_type) for each in found]


@query
async def hidden(ctx: QueryCtx) -> Any:
    return await ctx.db.system.query("_file_keys").collect()


@mutation
async def remove(ctx: MutationCtx, file: Id["_storage"]) -> None:
    await ctx.storage.delete(file)


@mutation
async def remove_and_fail(ctx: MutationCtx, file: Id["_storage"]) -> None:
    await ctx.storage.delete(file)
    assert await ctx.storage.get_url(file) is None
    raise RuntimeError("after the deletion")


@mutation
async def remove_and_look(ctx: MutationCtx, file: Id["_storage"]) -> list[Any]:
    await ctx.storage.delete(file)
    return [await ctx.storage.get_url(file), await ctx.db.system.get(file)]


@action
async def remove_in_action(ctx: ActionCtx, file: Id["_storage"]) -> None:
    await ctx.storage.delete(file)


@action
async def store(ctx: ActionCtx, text: str, type: str | None = None) -> Id["_storage"]:
    return await ctx.storage.store(text.encode(), content_type=type)


@action
async def store_pieces(ctx: ActionCtx, pieces: list[str]) -> Id["_storage"]:
    async def made() -> AsyncIterator[bytes]:
        for piece in pieces:
            if piece == "fail":
                raise RuntimeError("no more pieces")
            yield piece.encode()

    return await ctx.storage.store(made(), "text/plain")


@action
async def store_nonsense(ctx: ActionCtx) -> Id["_storage"]:
    return await ctx.storage.store("a text", "text/plain")


@action
async def read(ctx: ActionCtx, file: Id["_storage"]) -> Any:
    found = await ctx.storage.get(file)
    if found is None:
        return None
    pieces = [chunk async for chunk in found]
    assert b"".join(pieces) == await found.read()
    return {
        "type": found.content_type,
        "size": found.size,
        "sha256": found.sha256,
        "text": b"".join(pieces).decode(),
    }


@action
async def urls_of_action(ctx: ActionCtx, file: Id["_storage"]) -> list[str | None]:
    return [await ctx.storage.get_url(file), await ctx.storage.generate_upload_url()]
