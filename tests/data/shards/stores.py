"""Object stores and web servers on this machine, for as long as a test needs them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BUCKET = "pictures"


@contextmanager
def s3_store(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server, which trainings find through the environment; gives the URL of an empty bucket."""
    server = pytest.importorskip("moto.server", reason="moto is not installed here; it comes with the extra `dev`")
    pytest.importorskip("s3fs", reason="s3fs is not installed here; it comes with the extra `shards`")
    import boto3

    thread = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    thread.start()
    host, port = thread.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        patch.setenv(name, value)
    try:
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield f"s3://{BUCKET}"
    finally:
        thread.stop()


def upload(folder: Path, prefix: str) -> str:
    """Copy a folder into the bucket, as `aws s3 cp --recursive` does; gives its URL."""
    import boto3

    client = boto3.client("s3")
    for path in folder.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), BUCKET, f"{prefix}/{path.relative_to(folder).as_posix()}")
    return f"s3://{BUCKET}/{prefix}"


@contextmanager
def web_server(folder: Path) -> Iterator[tuple[str, Counter[str]]]:
    """A web server for a folder; gives its URL, and how often each file was asked for."""
    asked: Counter[str] = Counter()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path.strip("/")] += 1
            super().do_GET()

        def log_message(self, *parts: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
