"""Who is here, in two tables: what everybody sees, and what only the server keeps."""

from reactive import Document, Id, index


class Person(Document, table="people"):
    """An open window as others see it: a name, and a color by its hue in degrees.

    Written when somebody comes, goes or changes.
    """

    session: str
    name: str
    hue: int

    by_session = index("session")


class Heartbeat(Document, table="heartbeats"):
    """When a window was last heard of, in milliseconds since the epoch.

    Apart from `Person`, because it is written every few seconds: the query that lists people does
    not read it, so it does not run again for everybody each time that somebody merely stays.
    """

    person: Id[Person]
    last_seen: float

    by_person = index("person")
