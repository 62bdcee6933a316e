"""Serves the console's own files and the browser libraries, compressed, under addresses that change with them."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from alarm_backend.console import libraries
from alarm_backend.errors import NotFound

STATIC = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
COMPRESSIBLE = {".js", ".css", ".json", ".svg", ".html"}


@dataclass(frozen=True)
class Asset:
    """One file in memory, in the forms a browser may ask for."""

    content: bytes
    media_type: str
    version: str
    compressed: dict[str, bytes]


def _media_type(path: Path) -> str:
    kinds = {".js": "text/javascript", ".woff2": "font/woff2", ".json": "application/json", ".svg": "image/svg+xml"}
    return kinds.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


class Assets:
    """Every file the console serves, read once."""

    def __init__(self, static: Path = STATIC, folder: Path = libraries.FOLDER) -> None:
        self._files: dict[str, Asset] = {}
        for path in sorted(static.rglob("*")):
            if path.is_file():
                self._add(f"static/{path.relative_to(static)}", path)
        # All or nothing: half a set of libraries would fail in the operator's browser, not here.
        self.libraries_ready = all((folder / name).is_file() for name in libraries.SERVED)
        if self.libraries_ready:
            for name in sorted(libraries.SERVED):
                self._add(f"vendor/{name}", folder / name)
        whole = hashlib.sha256("".join(asset.version for asset in self._files.values()).encode())
        self.version = whole.hexdigest()[:12]

    def _add(self, name: str, path: Path) -> None:
        content = path.read_bytes()
        compressed: dict[str, bytes] = {}
        for encoding, suffix in (("br", ".br"), ("gzip", ".gz")):
            ready = path.with_name(path.name + suffix)
            if ready.is_file():
                compressed[encoding] = ready.read_bytes()
        if not compressed and path.suffix in COMPRESSIBLE:
            compressed["gzip"] = gzip.compress(content, 9, mtime=0)
        version = hashlib.sha256(content).hexdigest()[:12]
        self._files[name] = Asset(content, _media_type(path), version, compressed)

    def address(self, name: str) -> str:
        """The address of a file, which changes when any file does: scripts import each other by relative address."""
        kind, _, rest = name.partition("/")
        return f"/{kind}/{self.version}/{rest}"

    def respond(self, name: str, version: str, request: Request) -> Response:
        """The file in the best form the browser takes; raises NotFound."""
        asset = self._files.get(name)
        if asset is None:
            raise NotFound("file", name)
        etag = f'"{asset.version}"'
        headers = {"ETag": etag, "Vary": "Accept-Encoding"}
        headers["Cache-Control"] = FOREVER if version == self.version else REVALIDATE
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        accepted = request.headers.get("accept-encoding", "")
        content = asset.content
        for encoding in ("br", "gzip"):
            if encoding in accepted and encoding in asset.compressed:
                headers["Content-Encoding"] = encoding
                content = asset.compressed[encoding]
                break
        return Response(content, media_type=asset.media_type, headers=headers)


def router_of(assets: Assets) -> APIRouter:
    """The endpoints of the files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{version}/{name:path}")
    def static_file(version: str, name: str, request: Request) -> Response:
        return assets.respond(f"static/{name}", version, request)

    @router.get("/vendor/{version}/{name}")
    def library_file(version: str, name: str, request: Request) -> Response:
        return assets.respond(f"vendor/{name}", version, request)

    return router
