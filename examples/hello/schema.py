from reactive import Document, index


class Message(Document, table="messages"):
    channel: str
    author: str
    body: str

    by_channel = index("channel")
