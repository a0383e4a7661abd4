"""What other systems have sent to the webhook."""

from typing import Any

from reactive import Document, index


class Delivery(Document, table="deliveries"):
    """`key` is the sender's own name for it, by which one that is sent again is known."""

    key: str
    kind: str
    data: dict[str, Any]

    by_key = index("key")
