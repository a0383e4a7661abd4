"""Files over HTTP: uploads, and downloads whole or in part.

Source of routes, headers and codes: Convex's file storage; of ranges and validators: RFC 9110. A
file is public to whoever knows its URL, and is served from the origin of the API: what a browser
could run in it is served so that it cannot act there.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from aiohttp import web

from reactive.backend import FileFacts, Files, FileTooLargeError
from reactive.errors import CallError
from reactive.limits import Limits
from reactive.wire.http import API
from reactive.wire.sending import BROKEN, break_off

_KEY: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RANGE: Final = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII | re.IGNORECASE)
_DIGEST: Final = re.compile(r"\s*sha-256=(.*?)\s*", re.IGNORECASE)

_INERT: Final = re.compile(
    r"(?:image/(?!svg)|audio/|video/|font/|application/(?:pdf|json|zip|octet-stream)|text/(?:plain|csv))",
    re.IGNORECASE,
)
_SANDBOX: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_LASTING: Final = "private, max-age=2592000"


class NoSuchFileError(CallError):
    """No file has this URL, or not any more."""

    default_code = "FileNotFound"
    http_status = 404


class UploadTimeoutError(CallError):
    """The bytes of an upload did not come in time."""

    default_code = "UploadTimeout"
    http_status = 408


class UploadBrokenError(CallError):
    """The connection, or the framing of the body, broke before the upload was whole."""

    default_code = "UploadIncomplete"


class RangeError(Exception):
    """The range that was asked for cannot be served."""


class StorageApi:
    """The routes below `/api/storage`."""

    def __init__(self, files: Files, limits: Limits) -> None:
        self._files = files
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Where each call is answered."""
        return [
            web.post(f"{API}/storage/upload", self.upload),
            web.get(f"{API}/storage/{{key:.*}}", self.download),
        ]

    # Uploads

    async def upload(self, request: web.Request) -> web.Response:
        """`POST`, the body as it is. `{"storageId": ...}`"""
        token = request.query.get("token")
        if token is None:
            raise CallError("the upload URL has no token", code="BadQueryArgs")
        self._files.check_upload(token)
        sha256 = stated_digest(request.headers.getall("Digest", ()))
        limit = self._limits.file_bytes_max
        if request.content_length is not None and request.content_length > limit:
            raise FileTooLargeError(
                f"The file is too large (actual: {request.content_length} bytes, limit: {limit})"
            )
        content_type = request.headers.get("Content-Type")
        try:
            async with asyncio.timeout(self._limits.upload_s):
                storage_id = await self._files.receive(self._body(request), content_type, sha256)
        except TimeoutError as error:
            raise UploadTimeoutError("the file did not arrive in time") from error
        return web.json_response({"storageId": storage_id})

    async def _body(self, request: web.Request) -> AsyncIterator[bytes]:
        content = request.content
        try:
            while True:
                async with asyncio.timeout(self._limits.transfer_stall_s):
                    chunk = await content.read(self._limits.file_chunk_bytes)
                if not chunk:
                    return
                yield chunk
        except BROKEN as error:
            raise UploadBrokenError("the upload broke off") from error

    # Downloads

    async def download(self, request: web.Request) -> web.StreamResponse:
        """`GET` and `HEAD`."""
        key = request.match_info["key"].lower()
        if not _KEY.fullmatch(key):
            raise CallError(f"{key!r:.80} is no name of a file", code="InvalidStoragePath")
        file = await self._files.find(key)
        if file is None:
            raise NoSuchFileError("there is no such file")
        etag = '"' + base64.b64decode(file.sha256).hex() + '"'
        headers = {"ETag": etag, "Cache-Control": _LASTING, "Accept-Ranges": "bytes"}
        if _is_known(request, etag):
            return web.Response(status=304, headers=headers)
        headers |= safety_headers(file.content_type)
        start, end, status = 0, file.size, 200
        try:
            span = requested_range(request.headers, file.size, etag)
        except RangeError:
            headers["Content-Range"] = f"bytes */{file.size}"
            return web.Response(status=416, headers=headers)
        if span is None:
            headers["Digest"] = f"sha-256={file.sha256}"
        else:
            (start, end), status = span, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = end - start
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        return await self._send(request, response, file, start, end)

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        file: FileFacts,
        start: int,
        end: int,
    ) -> web.StreamResponse:
        async with self._files.read(file, start, end) as chunks:
            await response.prepare(request)
            try:
                async for chunk in chunks:
                    async with asyncio.timeout(self._limits.transfer_stall_s):
                        await response.write(chunk)
            except (TimeoutError, ConnectionError):
                # The reader is gone, or as good as gone.
                break_off(request)
            except BaseException:
                break_off(request)
                raise
        return response


def safety_headers(content_type: str | None) -> dict[str, str]:
    """The type of a file, and what keeps a browser from running it as a page of this origin."""
    headers = {
        "Content-Type": content_type or "application/octet-stream",
        "X-Content-Type-Options": "nosniff",
    }
    if content_type is not None and not _INERT.match(content_type):
        headers["Content-Security-Policy"] = _SANDBOX
    return headers


def stated_digest(headers: Sequence[str]) -> bytes | None:
    """The SHA-256 of a `Digest` header; None where it says none.

    Raises:
        CallError: `InvalidDigest`.
    """
    for each in ",".join(headers).split(","):
        match = _DIGEST.fullmatch(each)
        if match is not None:
            try:
                digest = base64.b64decode(match[1], validate=True)
            except binascii.Error:
                digest = b""
            if len(digest) != 32:
                raise CallError("the Digest header has no SHA-256 in base64", code="InvalidDigest")
            return digest
    return None


def _is_known(request: web.Request, etag: str) -> bool:
    """Whether the client has this very file (RFC 9110, 13.1.2)."""
    known = request.headers.get("If-None-Match")
    if known is None:
        return False
    tags = [each.strip().removeprefix("W/") for each in known.split(",")]
    return etag in tags or "*" in tags


def requested_range(headers: Mapping[str, str], size: int, etag: str) -> tuple[int, int] | None:
    """From where up to, not including, where; None for all of it.

    A header that is no range of bytes is ignored, and so is one of a file of no bytes.

    Raises:
        RangeError: for more than one range, and one that is not within the file.
    """
    header = headers.get("Range")
    if header is None or size == 0:
        return None
    if headers.get("If-Range", etag) != etag:
        return None
    unit, _, ranges = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    if "," in ranges:
        raise RangeError
    match = _RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    # Numbers of thousands of digits are refused by `int`, and beyond any file anyway.
    first, last = (text.lstrip("0")[:19] or "0" if text else "" for text in match.groups())
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if last == "" else min(size, int(last) + 1)
        if last != "" and int(last) < start:
            return None
    if start >= size:
        raise RangeError
    return start, end
