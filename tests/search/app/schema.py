from pydantic import BaseModel

from reactive import UNSET, Document, Unset, index, search_index


class Profile(BaseModel):
    bio: str | None = None
    city: str | Unset = UNSET


class Note(Document, table="notes"):
    key: str
    channel: str = "main"
    body: str | int | Unset | None = UNSET
    seen: int = 0
    author: str | Unset | None = UNSET
    profile: Profile | Unset = UNSET

    by_key = index("key")
    by_channel = index("channel")
    search_body = search_index("body", filter_fields=["channel", "author"])
    search_bio = search_index("profile.bio", filter_fields=["profile.city"])


class Wide(Document, table="wide"):
    text: str
    f0: int = 0
    f1: int = 0
    f2: int = 0
    f3: int = 0
    f4: int = 0
    f5: int = 0
    f6: int = 0
    f7: int = 0
    f8: int = 0

    search_text = search_index("text", filter_fields=[f"f{n}" for n in range(9)])
