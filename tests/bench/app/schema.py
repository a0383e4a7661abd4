"""The tables of the bench's app: what the kit's workloads read and write."""

from reactive import Document, Id, index


class Message(Document, table="messages"):
    channel: str
    seq: int
    body: str

    by_channel = index("channel", "seq")


class Counter(Document, table="counters"):
    key: str
    value: int

    by_key = index("key")


class Stream(Document, table="streams"):
    name: str
    n: int
    text: str

    by_name = index("name")


class Account(Document, table="accounts"):
    number: int
    balance: int

    by_number = index("number")


class Author(Document, table="authors"):
    number: int
    name: str

    by_number = index("number")


class Post(Document, table="posts"):
    channel: str
    seq: int
    author: Id[Author]
    body: str

    by_channel = index("channel", "seq")
