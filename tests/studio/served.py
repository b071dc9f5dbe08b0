"""A studio in a process of its own, with a tiny model, and clients that speak to it as anybody's would."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
import uvicorn
from PIL import Image

from spadework.model_folder import read_system, write_model
from spadework.studio.admission import Admission
from spadework.studio.limits import Limits
from spadework.studio.serve import STATIC
from spadework.studio.server import make_app
from spadework.studio.studio import open_studio
from spadework.synthesizer import load
from spadework.systems.spade import Spade
from spadework.web_server import listen
from tests import tiny
from tests.systems import tiny_oasis

IDS = np.array([0, 3, 7, 20, 255], np.uint8)
"""The ids of the tiny ontology, by class index."""


def tiny_model(folder: Path, **changes: object) -> Path:
    """A SPADE with style encoder, lively weights, 64x64."""
    torch.manual_seed(0)
    system = tiny.lively(Spade(tiny.config(**{"stem": "style", "encoder": True, **changes})))
    write_model(folder, "spade", system, tiny.ONTOLOGY)
    return folder


def tiny_oasis_model(folder: Path) -> Path:
    """An OASIS, whose styles may differ by region."""
    write_model(folder, "oasis", tiny_oasis.lively(), tiny.ONTOLOGY)
    return folder


def ids(seed: int = 0, height: int = 64, width: int = 64) -> np.ndarray:
    """[H, W] uint8: a label map of the tiny ontology, in patches."""
    return IDS[tiny.label_maps(1, height, width, seed)[0].numpy()]


def png(array: np.ndarray | Image.Image, **options: Any) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(file, "PNG", **options)
    return file.getvalue()


def text(content: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(content).decode()


def pixels(content: bytes) -> np.ndarray:
    """The pixels of a picture file."""
    return np.asarray(Image.open(io.BytesIO(content)))


class Answer:
    """An HTTP answer."""

    def __init__(self, status: int, heads: dict[str, str], content: bytes) -> None:
        self.status, self.heads, self.content = status, heads, content

    def json(self) -> Any:
        """The body."""
        return json.loads(self.content)

    @property
    def error(self) -> dict[str, Any]:
        """What was wrong."""
        error: dict[str, Any] = self.json()["error"]
        return error


class Client:
    """Who speaks to a studio on this machine."""

    port: int

    @property
    def alive(self) -> bool:
        """Whether the studio is there."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: bytes | None = None, heads: dict[str, str] | None = None) -> Answer:
        """One request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, heads or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **heads: str) -> Answer:
        """GET."""
        return self.ask("GET", path, heads=heads)

    def post(self, path: str, value: Any, **heads: str) -> Answer:
        """POST of JSON."""
        return self.ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json", **heads})

    def form(self, path: str, fields: dict[str, bytes | str], **heads: str) -> Answer:
        """POST of a form: bytes are files, texts are fields."""
        parts = []
        for name, value in fields.items():
            file = '; filename="file"' if isinstance(value, bytes) else ""
            head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
            parts += [head.encode(), value if isinstance(value, bytes) else value.encode(), b"\r\n"]
        body = b"".join([*parts, b"--xyz--\r\n"])
        return self.ask("POST", path, body, {"Content-Type": "multipart/form-data; boundary=xyz", **heads})

    @property
    def live(self) -> str:
        """The address of the live connection."""
        return f"ws://127.0.0.1:{self.port}/v1/live"


class Served(Client):
    """A studio in a process of its own, until the end of the with block."""

    def __init__(self, *arguments: str | Path, cwd: Path | None = None) -> None:
        command = [sys.executable, "-m", "spadework", "studio", "--no-browser", *map(str, arguments)]
        if "--port" not in arguments:
            command += ["--port", "0"]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1", "DISPLAY": "", "WAYLAND_DISPLAY": ""},
            # Where the tests were begun in the background of a shell, interrupts are ignored, and children inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"studio: (http://([^\s/]+):(\d+)/\S*)", line):
                self.url, self.host, self.port = found[1], found[2], int(found[3])
            if line.startswith("Ctrl-C"):
                break
        else:
            raise AssertionError(f"the studio did not start: {''.join(self.said)}")
        threading.Thread(target=self._keep_reading, daemon=True).start()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _keep_reading(self) -> None:
        assert self.process.stdout is not None
        self.said += list(self.process.stdout)

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None


class InThread(Client):
    """A studio in a thread of this process, which starts in no time; `rules` are those of `Admission`."""

    def __init__(self, model: Path, limits: Limits | None = None, **rules: str) -> None:
        limits = limits or Limits(requests_per_second=100_000)
        self.studio = open_studio(load(model), read_system(model)[0], model, limits)
        app = make_app(self.studio, Admission.to(**{"host": "127.0.0.1", **rules}), STATIC)  # type: ignore[arg-type]
        self.socket = listen("127.0.0.1", 0)
        self.port = self.socket.getsockname()[1]
        largest = 2 * limits.max_request_bytes
        config = uvicorn.Config(app, log_level="warning", ws_max_size=largest, timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=[[self.socket]])

    def __enter__(self) -> InThread:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.should_exit = True
        self.thread.join(60)
        self.socket.close()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.thread.is_alive()


def live_map(label_map: np.ndarray, sequence: int = 1, rect: tuple[int, int, int, int] | None = None) -> str:
    """A map message; `rect` x, y, w, h."""
    height, width = label_map.shape
    x, y, w, h = rect or (0, 0, width, height)
    piece = np.ascontiguousarray(label_map[y : y + h, x : x + w])
    message = {"type": "map", "sequence": sequence, "size": [height, width], "rect": [x, y, w, h]}
    return json.dumps({**message, "label_map": text(piece.tobytes())})


def picture_of(frame: bytes | str) -> tuple[dict[str, Any], np.ndarray]:
    """Header and pixels of a picture from the live connection."""
    assert isinstance(frame, bytes), frame
    length = int.from_bytes(frame[:4], "little")
    header = json.loads(frame[4 : 4 + length])
    shown = pixels(frame[4 + length :])
    assert list(shown.shape[:2]) == header["size"] and header["type"] == "picture"
    return header, shown
