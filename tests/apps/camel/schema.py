"""Tables of an app whose names are snake_case in Python and camelCase on the wire."""

from typing import Any

from pydantic import BaseModel

from reactive import Document, Id, index


class ReadMark(BaseModel):
    last_seen: float
    is_muted: bool = False


class ChatRoom(Document, table="chat_rooms"):
    room_name: str
    created_by: str
    read_mark: ReadMark
    free_form: dict[str, Any]

    by_created_by = index("created_by")
    by_last_seen = index("read_mark.last_seen")


class RoomMessage(Document, table="room_messages"):
    chat_room: Id[ChatRoom]
    message_body: str

    by_chat_room = index("chat_room")
