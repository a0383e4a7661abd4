"""The tables of the app that most client tests serve."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from reactive import UNSET, Document, Id, Int64, Unset, index


class Counter(Document, table="counters"):
    name: str
    value: int

    by_name = index("name")


class Item(Document, table="items"):
    list_name: str
    rank: float
    label: str = ""

    by_rank = index("list_name", "rank")


class Note(Document, table="notes"):
    owner: str
    body: str
    tag: str | Unset | None = UNSET

    by_tag = index("owner", "tag")


class Sample(Document, table="samples"):
    """Any value in an indexed field."""

    group: str
    value: Any

    by_value = index("group", "value")


class Address(BaseModel):
    city: str
    street: str | Unset = UNSET


class Person(Document, table="people"):
    name: str
    address: Address
    nickname: str | Unset = UNSET

    by_city = index("address.city")


class Letter(Document, table="letters"):
    """A field whose wire name Python cannot spell."""

    sender: Annotated[str, Field(alias="from")]
    stamps: Int64

    by_sender = index("sender")


class Link(Document, table="links"):
    counter: Id[Counter]
    next_link: Id["links"] | None = None  # noqa: F821  # the name of a table


class Shift(Document, table="shifts"):
    """Who is on call: the classic of write skew."""

    team: str
    person: str
    on_call: bool

    by_team = index("team")


class Claim(Document, table="claims"):
    key: str
    number: int

    by_key = index("key", "number")
