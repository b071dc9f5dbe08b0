"""The page and its files: known types only, asked for anew each time, sent only where they changed. Pictures alike."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}
"""What a machine's own table of types says may be anything."""
REVALIDATE = {"Cache-Control": "no-cache"}


class PageFiles(StaticFiles):
    """The files of one folder; no links out of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file, or 304 where the browser has it."""
        kind = TYPES.get(Path(path).suffix.lower())
        if kind is None or "\0" in path:
            raise HTTPException(404, "there is no such file")
        response = await super().get_response(path, scope)
        response.headers.update(REVALIDATE)
        if isinstance(response, FileResponse):
            response.headers["Content-Type"] = kind
        return response


def page(folder: Path, known: str | None) -> Response:
    """The page itself, or 304 where the browser's copy, of tag `known`, is the same."""
    try:
        content = (folder / "index.html").read_bytes()
    except OSError:
        raise HTTPException(404, "this installation has no page; the API is at /openapi.json") from None
    return revalidated(content, TYPES[".html"], known)


def revalidated(content: bytes, kind: str, known: str | None) -> Response:
    """Content of this type under an address whose content may change, or 304 where the copy of tag `known` is it."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    heads = {**REVALIDATE, "ETag": tag}
    if known == tag:
        return Response(status_code=304, headers=heads)
    return Response(content, media_type=kind, headers=heads)
