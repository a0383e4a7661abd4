"""Full-text indexes on SQLite's FTS5, for every store that has a connection to SQLite.

Each index is three tables. `text_N` is FTS5's, without a copy of the text: Python splits the words
and FTS5 is given them with spaces between, so that both always agree what a word is; the values of
filter fields are words of their own, which no text can have. `text_N_words` shows who has a word
how often. `text_N_documents` has what ranking needs to know of a document beside that.
"""

import hashlib
import re
import sqlite3
from typing import Final

from reactive.values.document import Revision
from reactive.values.text import PREFIX_WEIGHT, TextEntry, TextMatches, TextSearch

_FILTER: Final = "\ue000"
"""What the words for filters begin with. It is for private use: no letter, and in no text's words.
FTS5's tokenizer `ascii` takes it, as all that is not ASCII, for a part of a word."""
_LAST: Final = "\U0010ffff"
_TABLE: Final = re.compile(r"text_(\d+)_documents\Z")

_WORD = """
SELECT d.id, w.count, d.created, d.length FROM (
    SELECT doc, {count} AS count FROM text_{number}_words WHERE {terms} {filters} GROUP BY doc
) w CROSS JOIN text_{number}_documents d ON d.n = w.doc
"""
_EXACT = {"count": "count(*) + 0.0", "terms": "term = :word"}
_BEGINNING = {
    "count": f"sum(CASE term WHEN :word THEN 1.0 ELSE {PREFIX_WEIGHT} END)",
    "terms": "term >= :word AND term < :end",
}
_FITTING = "AND doc IN (SELECT rowid FROM text_{number} WHERE text_{number} MATCH :match)"


class FullText:
    """The full-text indexes that live on one connection, in whatever transaction it is."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # Making

    def numbers(self) -> set[int]:
        """The indexes that exist."""
        names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {int(found[1]) for (name,) in names if (found := _TABLE.match(name))}

    def create(self, number: int) -> None:
        """Makes an index with nothing in it."""
        for statement in (
            f"CREATE VIRTUAL TABLE text_{number}"
            " USING fts5(words, content='', columnsize=0, tokenize='ascii')",
            f"CREATE VIRTUAL TABLE text_{number}_words USING fts5vocab(text_{number}, instance)",
            f"CREATE TABLE text_{number}_documents("
            "n INTEGER PRIMARY KEY, id TEXT, created REAL, length INTEGER)",
        ):
            self._connection.execute(statement)

    def drop(self, number: int) -> None:
        """Removes an index."""
        for name in ("_words", "_documents", ""):
            self._connection.execute(f"DROP TABLE text_{number}{name}")

    def clear(self, number: int) -> None:
        """Takes all documents out of an index."""
        self._connection.execute(f"INSERT INTO text_{number}(text_{number}) VALUES ('delete-all')")
        self._connection.execute(f"DELETE FROM text_{number}_documents")

    # Writing

    def put(self, n: int, document_id: str, entry: TextEntry) -> None:
        """Adds a document, whose row is `n`, to one index."""
        self._connection.execute(
            f"INSERT INTO text_{entry.number}(rowid, words) VALUES (?, ?)", (n, _words_of(entry))
        )
        self._connection.execute(
            f"INSERT INTO text_{entry.number}_documents VALUES (?, ?, ?, ?)",
            (n, document_id, entry.created, entry.text.count(" ") + 1),
        )

    def remove(self, n: int, entry: TextEntry) -> None:
        """Takes a document out of one index, in which it is with exactly this entry."""
        self._connection.execute(
            f"INSERT INTO text_{entry.number}(text_{entry.number}, rowid, words)"
            " VALUES ('delete', ?, ?)",
            (n, _words_of(entry)),
        )
        self._connection.execute(f"DELETE FROM text_{entry.number}_documents WHERE n = ?", (n,))

    def apply(self, n: int, revision: Revision, *, backwards: bool = False) -> None:
        """Makes the indexes follow the change of a document, or its opposite."""
        old, new = revision.before_texts, revision.after_texts
        if backwards:
            old, new = new, old
        if old == new:
            return
        for entry in old:
            if entry not in new:
                self.remove(n, entry)
        for entry in new:
            if entry not in old:
                self.put(n, revision.id, entry)


def search_text(connection: sqlite3.Connection, number: int, search: TextSearch) -> TextMatches:
    """What the search finds in the index, as this connection sees it."""
    matches = TextMatches(len(search.words))
    fitting = _FITTING.format(number=number) if search.filters else ""
    values = {"match": _match(search)}
    for at, word in enumerate(search.words):
        is_last = at == len(search.words) - 1
        kind = _BEGINNING if is_last else _EXACT
        statement = _WORD.format(number=number, filters=fitting, **kind)
        found = connection.execute(statement, {**values, "word": word, "end": word + _LAST})
        matches.put(at, found.fetchall())
    return matches


def _words_of(entry: TextEntry) -> str:
    filters = [_filter_word(at, value) for at, value in enumerate(entry.filters)]
    return " ".join([entry.text, *filters])


def _filter_word(at: int, value: bytes) -> str:
    return f"{_FILTER}{at}{_FILTER}{hashlib.blake2b(value, digest_size=16).hexdigest()}"


def _match(search: TextSearch) -> str:
    """The search in FTS5's own language."""
    words = [f'"{word}"' for word in search.words]
    words[-1] += "*"
    filters = [f'"{_filter_word(at, value)}"' for at, value in search.filters]
    return " AND ".join([f"({' OR '.join(words)})", *filters])
