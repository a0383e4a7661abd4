"""Writes all of a database into one file: documents, files, and what the server goes on with.

System tables are part of it, so that scheduled functions, recurring jobs and the URLs of files go
on where they were. Not part of it are the server's secret (cursors and upload URLs from before an
import no longer work) and the record of clients' mutations (one that is sent again only after an
import is run again).
"""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from reactive.errors import StorageError
from reactive.storage.files import FileStore, LostFileError
from reactive.transfer.archive import FILES, KEYS, ArchiveWriter, documents_name, file_name
from reactive.transfer.progress import Progress
from reactive.transfer.source import Source
from reactive.values.encoding import load_json
from reactive.values.tables import ID_FIELD


class Exported(NamedTuple):
    """What an archive holds."""

    documents: int
    tables: int
    files: int


async def export(source: Source, files: FileStore, target: Path, progress: Progress) -> Exported:
    """Writes the archive; `target` is there only when all of it is on the disk.

    Raises:
        StorageError: when the database or a file cannot be read, or the archive not be written.
    """
    try:
        with _replacing(target) as out, closing(ArchiveWriter(out)) as archive:
            return await _write(source, files, archive, progress)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror}") from error


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `target` when it is whole and on the disk."""
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as out:
        try:
            yield out.file
            out.flush()
            os.fsync(out.fileno())
            Path(out.name).replace(target)
        except BaseException:
            Path(out.name).unlink()
            raise


async def _write(
    source: Source, files: FileStore, archive: ArchiveWriter, progress: Progress
) -> Exported:
    counts = {table.name: await source.count(table) for table in source.tables}
    progress.phase("Exporting documents", sum(counts.values()))
    archive.tables({table.name: table.number for table in source.tables})
    for table in source.tables:
        with archive.entry(documents_name(table.name)) as entry:
            async for json in source.rows(table):
                progress.advance(1)
                # The key of a file that was deleted only tells the server what is left to remove.
                if table.name != KEYS or "deletedTime" not in load_json(json):
                    entry.write(json + b"\n")
    written = await _write_files(source, files, archive, progress)
    own = [table.name for table in source.tables if not table.name.startswith("_")]
    return Exported(sum(counts[name] for name in own), len(own), written)


async def _write_files(
    source: Source, files: FileStore, archive: ArchiveWriter, progress: Progress
) -> int:
    keys = {row["storageId"]: row["key"] async for row in _parsed(source, KEYS)}
    total = sum([int(row["size"]) async for row in _parsed(source, FILES)])
    progress.phase("Exporting files", total)
    count = 0
    async for row in _parsed(source, FILES):
        storage_id, size = row[ID_FIELD], int(row["size"])
        with archive.entry(file_name(storage_id), compress=False) as entry:
            try:
                async with files.read(keys[storage_id], 0, size) as pieces:
                    async for piece in pieces:
                        entry.write(piece)
                        progress.advance(len(piece))
            except LostFileError as error:
                raise StorageError(
                    f"the bytes of the file {storage_id} are not there; if it was deleted just "
                    f"now, export again ({error})"
                ) from error
        count += 1
    return count


async def _parsed(source: Source, name: str) -> AsyncIterator[dict[str, Any]]:
    table = source.table(name)
    if table is not None:
        async for json in source.rows(table):
            yield load_json(json)
