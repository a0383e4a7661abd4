"""Documents made by hand, and what a commit does to them, for tests that run no functions."""

from collections.abc import Mapping
from typing import Any

from reactive.values.document import Revision, StoredDocument
from reactive.values.encoding import dump_wire, wire_size
from reactive.values.tables import TableDefinition

Fields = Mapping[str, Any]
"""The fields of a document in their wire form, without the system's."""


def wire_of(document_id: str, fields: Fields) -> dict[str, Any]:
    """A document's wire form; it was made in millisecond 1 unless the fields say otherwise."""
    return {"_id": document_id, "_creationTime": 1.0, **fields}


def document(document_id: str, fields: Fields) -> StoredDocument:
    """The document as it is stored."""
    wire = wire_of(document_id, fields)
    return StoredDocument(document_id, dump_wire(wire), wire_size(wire))


def revision(
    table: TableDefinition, document_id: str, before: Fields | None, after: Fields | None
) -> Revision:
    """How a commit turns one version of a document into another; None where there is none."""
    return Revision(
        document_id,
        tuple(index.number for index in table.indexes),
        None if before is None else document(document_id, before),
        None if after is None else document(document_id, after),
        () if before is None else table.keys(wire_of(document_id, before)),
        () if after is None else table.keys(wire_of(document_id, after)),
        () if before is None else table.text_entries(wire_of(document_id, before)),
        () if after is None else table.text_entries(wire_of(document_id, after)),
    )
