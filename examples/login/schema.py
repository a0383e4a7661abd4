"""Notes and their owners, and what the issuer of tokens has to remember."""

from reactive import Document, index


class Note(Document, table="notes"):
    """`owner` is the `token_identifier` of whoever wrote it."""

    owner: str
    text: str

    by_owner = index("owner")


class User(Document, table="users"):
    """`salt` and `digest` are of the password, which nobody keeps."""

    name: str
    salt: bytes
    digest: bytes

    by_name = index("name")


class SigningKey(Document, table="signing_keys"):
    """The key that tokens are signed with. A secret: no public function reads this table."""

    pem: str
