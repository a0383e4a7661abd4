"""Functions of a module and of a folder with an underscore in their names."""

from typing import Any

from pydantic import BaseModel

from reactive import (
    ActionCtx,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    action,
    internal_query,
    mutation,
    query,
)
from schema import ChatRoom, ReadMark, RoomMessage


class RoomSummary(BaseModel):
    room_count: int
    newest_room: str | None


@mutation
async def create_room(
    ctx: MutationCtx, room_name: str, created_by: str, read_mark: ReadMark
) -> Id[ChatRoom]:
    return await ctx.db.insert(
        ChatRoom(
            room_name=room_name,
            created_by=created_by,
            read_mark=read_mark,
            free_form={"snake_key": {"inner_key": 1}},
        )
    )


@query
async def rooms_of(ctx: QueryCtx, created_by: str) -> list[ChatRoom]:
    rows = ctx.db.query(ChatRoom).with_index("by_created_by", created_by=created_by)
    return await rows.collect()


@query
async def rooms_seen_after(ctx: QueryCtx, last_seen: float) -> list[str]:
    rows = ctx.db.query(ChatRoom).with_index(
        "by_last_seen", lambda q: q.gt("read_mark.last_seen", last_seen)
    )
    return [room.room_name for room in await rows.collect()]


@query
async def summary_of(ctx: QueryCtx, created_by: str) -> RoomSummary:
    rooms = await rooms_of(ctx, created_by=created_by)
    return RoomSummary(room_count=len(rooms), newest_room=rooms[-1].room_name if rooms else None)


@query
async def plain_dict(ctx: QueryCtx) -> dict[str, Any]:
    """The keys of a plain dict are data, not names."""
    return {"snake_key": 1, "nested_dict": {"inner_key": 2}}


@mutation
async def send_message(
    ctx: MutationCtx, chat_room: Id[ChatRoom], message_body: str
) -> Id[RoomMessage]:
    return await ctx.db.insert(RoomMessage(chat_room=chat_room, message_body=message_body))


@query
async def list_messages(
    ctx: QueryCtx, chat_room: Id[ChatRoom], pagination_opts: PaginationOptions
) -> PaginationResult[RoomMessage]:
    rows = ctx.db.query(RoomMessage).with_index("by_chat_room", chat_room=chat_room)
    return await rows.paginate(pagination_opts)


@query(name="list")
async def list_all(ctx: QueryCtx) -> list[str]:
    return [room.room_name for room in await ctx.db.query("chat_rooms").collect()]


@internal_query
async def count_rooms(ctx: QueryCtx, created_by: str) -> int:
    return len(await rooms_of(ctx, created_by=created_by))


@action
async def call_by_path(ctx: ActionCtx, created_by: str) -> list[int]:
    """Python code keeps the Python names, by function and by path."""
    return [
        await ctx.run_query(count_rooms, created_by=created_by),
        await ctx.run_query("chat_rooms/room_functions:count_rooms", created_by=created_by),
    ]
