"""Sources on the web: fetched by `sync` into the workspace's cache, pinned by hash, fetched again only when changed.

Only hosts that `ingest.http_hosts` names are asked, redirects included, and https never becomes http. No larger file
than `ingest.max_download_bytes` is taken. What the server said of a file (ETag, time of change) is kept, and asked
about the next time.
"""

import json
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from gristmill.errors import GristmillError, InputError
from gristmill.identity import text_hash
from gristmill.params.ingest import IngestParams, Source
from gristmill.seeds.cache import CachedFile, SourceCache

_SECONDS = 60
_CHUNK_BYTES = 1 << 20
_NOT_MODIFIED = 304


def download(source: Source, ingest: IngestParams, cache: SourceCache) -> CachedFile:
    """The file at the source's address. Raises InputError when it cannot be had."""
    address = source.path or ""
    note = cache.folder / "web" / f"{text_hash(address)}.json"
    known = json.loads(note.read_text()) if note.exists() else None
    kept = CachedFile(address, known["size"], known["sha256"]) if known else None
    validators = known["validators"] if known and kept and cache.has(kept) else {}
    opener = urllib.request.build_opener(_Redirects(frozenset(ingest.http_hosts)))
    request = urllib.request.Request(address, headers={"User-Agent": "gristmill", **validators})  # noqa: S310
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            file = cache.add(address, _chunks(answer, ingest.max_download_bytes, address))
            asked_next = {"If-None-Match": answer.headers["ETag"], "If-Modified-Since": answer.headers["Last-Modified"]}
    except HTTPError as error:
        if error.code == _NOT_MODIFIED and kept:
            return kept
        raise _refused(source, f"the server answers {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise _refused(source, f"cannot be fetched: {error}") from None
    said = {name: value for name, value in asked_next.items() if value}
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"size": file.size, "sha256": file.sha256, "validators": said}))
    return file


def _chunks(answer: Any, limit: int, address: str) -> Iterator[bytes]:
    """The body. Raises InputError beyond the limit, OSError when it is cut short."""
    promised = answer.headers["Content-Length"]
    size = 0
    while chunk := answer.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > limit:
            raise InputError(f"more than {limit} bytes", where=address, do="raise ingest.max_download_bytes")
        yield chunk
    if promised is not None and size != int(promised):
        raise OSError(f"{size} of {promised} bytes came")


def _refused(source: Source, why: str) -> GristmillError:
    return InputError(
        why, where=f"source {source.name!r}: {source.path}", do="correct ingest.sources.path in params.yaml"
    )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects among the named hosts only."""

    def __init__(self, hosts: frozenset[str]) -> None:
        self._hosts = hosts

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The request to follow. Raises OSError for one that leads elsewhere."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.hostname not in self._hosts or (before.scheme, after.scheme) == ("https", "http"):
            place = f"{after.scheme}://{after.hostname}"
            raise OSError(f"it is redirected to {place}, which ingest.http_hosts does not name")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
