"""A stand-in for the Hugging Face hub: repositories served from folders to the real client, over HTTP.

    python tests/segmenters/hub_server.py FOLDER

FOLDER/OWNER/NAME holds the files of a repository; its README.md holds nothing but a licence's name. Prints its address,
then a line per request. A request for /stop ends it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    root: Path

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = unquote(self.path.partition("?")[0]).strip("/")
        print(self.command, path, flush=True)
        if path == "stop":
            self.send(200, b"", body)
            os._exit(0)
        asks_for_facts = path.startswith("api/models/")
        name = "/".join(path.removeprefix("api/models/").split("/")[:2])
        folder = self.root / name
        file = folder / Path(path).name
        if asks_for_facts and folder.is_dir():
            self.send(200, json.dumps(tree(folder) if "/tree/" in path else facts(folder, name)).encode(), body)
        elif f"/resolve/{COMMIT}/" in path and file.is_file():
            data = file.read_bytes()
            self.send(200, data, body, ETag=f'"{hashlib.sha256(data).hexdigest()}"', **{"X-Repo-Commit": COMMIT})
        else:
            self.send(404, b"{}", body, **{"X-Error-Code": "RepoNotFound"})

    def send(self, status: int, data: bytes, body: bool, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


def facts(folder: Path, name: str) -> dict:
    """What the hub says of a repository."""
    siblings = [{"rfilename": file.name, "size": file.stat().st_size} for file in sorted(folder.iterdir())]
    some = {"_id": "1", "id": name, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0}
    return {**some, "siblings": siblings, "cardData": {"license": (folder / "README.md").read_text()}}


def tree(folder: Path) -> list[dict]:
    """Its files, as the hub lists them."""
    some = {"type": "file", "oid": "0" * 40}
    return [{**some, "path": file.name, "size": file.stat().st_size} for file in sorted(folder.iterdir())]


if __name__ == "__main__":
    Hub.root = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
