"""Requests that mean no good: malformed, truncated, oversized, out of place; made by seed."""

from __future__ import annotations

import io
import json
import random
import socket
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image

from tests.studio.served import Client, ids, png, text

ADDRESSES = (
    "/v1/model", "/v1/generate", "/v1/style/encode", "/v1/label-map", "/v1/segment", "/v1/why", "/v1/figure3",
    "/v1/examples/Lake.png", "/v1/styles/Seed%200/picture", "/v1/live", "/", "/static/index.html", "/openapi.json",
)
PATHS = (
    "/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2f..%2fserver.py", "/static//etc/passwd",
    "/static/%00", "/static/app/%00.js", "/static/..\\server.py", "/static/....//server.py", "/static/.html",
    "/v1/examples/..%2f..%2fconfig.json", "/v1/examples/%2fetc%2fpasswd", "/v1/styles/..%2f..%2fconfig/picture",
    "/v1/examples/" + "x" * 5000, "/v1/styles/%ff%fe/vector", "/v1//generate", "/v2/generate", "/docs", "/redoc",
    "/v1/generate/", "//v1/model", "/v1/model?" + "a=1&" * 2000, "/v1/segment?maximum_side=-1", "/.git/config",
    "/v1/segment?maximum_side=99999999999999999999", "/v1/model?token=" + "x" * 5000, "/static/canvas", "/%",
)
JSON_BODIES = (
    "", "null", "[]", "{}", "0", '"x"', "{", "[" * 50_000, '{"label_map": ' * 3000, '{"label_map": NaN}', "\x00",
    '{"label_map": null}', '{"label_map": ""}', '{"label_map": "A"}', '{"label_map": "AAAA"}', "1e999", "-", "\ud7ff",
    '{"label_map": "data:image/png;base64,"}', '{"label_map": ["AAAA"]}', '{"a": 1, "a": 2}', '{"\\ud800": 1}',
    '{"__proto__": {}}',
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A request."""

    method: str
    path: str
    body: bytes = b""
    heads: dict[str, str] = field(default_factory=dict)

    def send(self, served: Client) -> int:
        """The status; -1 where the connection was closed without one, which is an answer, too."""
        try:
            return served.ask(self.method, self.path, self.body, self.heads).status
        except (ConnectionError, OSError):
            assert served.alive
            return -1


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int, content: bytes = b"", *, color: int = 0, more: bytes = b"") -> bytes:
    """A PNG whose head promises a large picture."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    pixels = chunk(b"IDAT", content or zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + head + more + pixels + chunk(b"IEND", b"")


@cache
def files() -> list[bytes]:
    """Files that are not what they seem."""
    good = png(ids())
    jpeg, gif, tiff, npy, npz = (io.BytesIO() for _ in range(5))
    photo = Image.fromarray(np.zeros((16, 16, 3), np.uint8))
    photo.save(jpeg, "JPEG")
    photo.save(gif, "GIF")
    photo.save(tiff, "TIFF", compression="tiff_lzw")
    np.save(npy, ids())
    np.savez(npz, a=ids())
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    zeros = zlib.compress(bytes(30_000_000), 9)
    return [
        b"", b"\0", b"GIF89a", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"#!/bin/sh\necho", b"PK\3\4",
        gif.getvalue(), npz.getvalue(), objects.getvalue(), jpeg.getvalue()[:200], tiff.getvalue()[:-20],
        tiff.getvalue(),
        bomb(60000, 60000), bomb(2**31 - 1, 2**31 - 1), bomb(0, 0), bomb(5000, 6000, zeros), bomb(64, 64, zeros),
        bomb(8, 8, more=chunk(b"zTXt", b"a\0\0" + zeros)), bomb(8, 8, more=chunk(b"iCCP", b"a\0\0" + zeros)),
        bomb(8, 8, color=7), bomb(8, 8, color=3), good[:30], good[:-20], good + b"tail" * 1000, good[8:],
        npy.getvalue()[:100], npy.getvalue().replace(b"(64, 64)", b"(1<<40,)"), npy.getvalue()[:-1],
        b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 65535, b"\x93NUMPY\x09\x09", b"P5\n99999 99999\n255\n",
        b"P6\n-1 5\n255\n",
        b"BM" + bytes(60), b"II*\0" + bytes(200), b"MM\0*" + b"\xff" * 200, b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(50),
        b"\x00\x00\x00\x1cftypavif" + bytes(50), b"8BPS" + bytes(50), b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ]  # fmt: skip


def own_list() -> Iterator[Hostile]:
    """What is known to hurt servers."""
    for path in PATHS:
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"):
            yield Hostile(method, path)
    for path in ADDRESSES:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            yield Hostile(method, path)
    for path in ("/v1/generate", "/v1/why"):
        for body in JSON_BODIES:
            yield Hostile("POST", path, body.encode(), {"Content-Type": "application/json"})
        for content in files():
            yield as_json(path, {"label_map": text(content)})
        for style in styles():
            yield as_json(path, {"label_map": text(png(ids())), "style": style})
    for path in ("/v1/label-map", "/v1/style/encode", "/v1/segment", "/v1/generate"):
        for content in files():
            yield Hostile("POST", path, content, {"Content-Type": "image/png"})
            yield form(path, "label_map" if path == "/v1/generate" else "file", content)
        for boundary in ("", "; boundary=", "; boundary=" + "x" * 300):
            yield Hostile("POST", path, b"--x\r\n\r\n", {"Content-Type": f"multipart/form-data{boundary}"})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "", "a" * 1000, "application/json; charset=x"):
            yield Hostile("POST", path, b"label_map=1", {"Content-Type": kind})
        for name in ("../../x", "\\", "label_map[]", "x" * 2000, ""):
            yield form(path, name, png(ids()), file="../../../evil.png")
    for heads in strange_heads():
        yield Hostile("POST", "/v1/generate", b"{}", heads)
    for size in ([0, 0], [65536, 65536], [-1, 5], "x", [5], None):
        yield as_json("/v1/generate", {"label_map": text(png(ids())), "size": size, "format": "png" if size else "exe"})
    for at in ([-1, 0], [64, 64], [0], [1e9, 0], "x", {}):
        yield as_json("/v1/why", {"label_map": text(png(ids())), "at": at})


def as_json(path: str, value: object) -> Hostile:
    """A JSON body."""
    return Hostile("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})


def styles() -> list[object]:
    """Styles that are none."""
    mix = {"mix": {"a": {"seed": 1}, "b": {"seed": 2}, "t": 0.5}}
    return [
        {"seed": -1}, {"seed": 2**53}, {"seed": 1.5}, {"seed": "1e3"}, {"vector": []}, {"vector": [1e308] * 6},
        {"vector": [None] * 6}, {"vector": [0.0] * 65537}, {"photo": ""}, {"photo": text(bomb(50000, 50000))},
        {"mix": {}},
        {"mix": {"a": mix, "b": mix, "t": 0}}, {"regions": {"map": "", "vectors": [[0.0] * 6]}}, [], 5, "seed",
        {"regions": {"map": text(png(ids())), "vectors": []}}, {"regions": {"map": text(png(ids())), "vectors": [[]]}},
    ]  # fmt: skip


def strange_heads() -> list[dict[str, str]]:
    """Heads that no good client sends."""
    return [
        {"Host": "evil.example"}, {"Host": ""}, {"Host": "x" * 5000}, {"Origin": "null"}, {"Origin": "file://"},
        {"Content-Length": "-1"}, {"Content-Length": "9" * 40}, {"Content-Length": "1e3"}, {"Content-Length": "0x10"},
        {"Cookie": "=;=;;;" * 500}, {"Cookie": 'a="\\377'}, {"Authorization": "Bearer"},
        {"Authorization": "Basic " + "x" * 4000},
        {"X-Spadework-Client": "x" * 65}, {"X-Spadework-Client": "\x7f"}, {"Accept": "application/json" * 200},
        {"Transfer-Encoding": "gzip"}, {"Content-Encoding": "gzip"}, {"Expect": "100-continue"}, {"Upgrade": "h2c"},
        {"Range": "bytes=0-1,2-3" * 300}, {"If-None-Match": "*"},
    ]  # fmt: skip


def form(path: str, name: str, content: bytes, file: str = "a.png") -> Hostile:
    """A file in a form."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode()
    return Hostile("POST", path, head + content + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"})


def mutated(draw: random.Random) -> Hostile:
    """A good request, damaged at random."""
    label_map = draw.choice(files() + [png(ids(draw.randrange(9)))] * 20)
    asked = {"label_map": text(label_map), "style": draw.choice([*styles(), None, {"seed": 1}]), "format": "png"}
    path = draw.choice(["/v1/generate", "/v1/why", "/v1/label-map", "/v1/style/encode", "/v1/segment"])
    body = draw.choice([json.dumps(asked).encode(), label_map, form(path, "file", label_map).body])
    body = bytearray(body)
    for _ in range(draw.randrange(6)):
        if body:
            place = draw.randrange(len(body))
            body[place : place + draw.choice([0, 1, 1, 50])] = draw.randbytes(draw.choice([0, 1, 1, 4]))
    if draw.random() < 0.3:
        body = body[: draw.randrange(len(body) + 1)]
    kind = draw.choice(["application/json", "multipart/form-data; boundary=x", "image/png"])
    return Hostile(draw.choice(["POST", "POST", "POST", "GET"]), path, bytes(body), {"Content-Type": kind})


def raw_requests() -> list[bytes]:
    """Bytes that are hardly HTTP."""
    return [
        b"\0" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/1.1\r\n\r\n",
        b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"A" * 200_000,
        b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc",
        b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc",
        b"POST /v1/why HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST /v1/why HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + b"\xff" * 5000,
    ]  # fmt: skip


def send_raw(port: int, content: bytes, patience: float = 1.0) -> bytes:
    """What the server says to these bytes within some seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.settimeout(patience)
        try:
            connection.sendall(content)
            return connection.recv(4096)
        except OSError:
            return b""
