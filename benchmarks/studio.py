"""How long from a stroke to the updated picture: the studio's own server, spoken to over its live connection.

    python benchmarks/studio.py MODEL --size 256
    python benchmarks/studio.py MODEL --painters 8 --seconds 60 --precision bf16

The server runs in a process of its own. With one painter each stroke (a dab of 24 pixels on an example map) is sent
when the photo of the one before has come: what is measured is a stroke's way, from sending it to having its picture
decoded. With several painters all of them paint without waiting, thirty strokes a second, and what counts is each one's
share.
Drawing in the browser is not part of it; benchmarks/studio_browser.py measures that.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro
from PIL import Image
from tyro.conf import Positional
from websockets.sync.client import ClientConnection, connect

DAB = 24
"""Pixels of a stroke's side."""


@dataclass(frozen=True)
class Options:
    """Measure the studio's latency with a model."""

    model: Positional[str]
    """A model folder, a run folder, or a model's name."""
    strokes: int = 60
    """Strokes of a lone painter; the first five are not counted."""
    painters: int = 1
    """Painters at once."""
    seconds: float = 30.0
    """How long several painters paint."""
    precision: str = "float32"
    """float32 or bf16."""
    size: int | None = None
    """Side of the map in pixels; the example's own unless given."""
    preview: int | None = None
    """Longer side of previews, 0 for none; as the server thinks best unless given."""


@contextmanager
def studio(options: Options) -> Iterator[str]:
    """The address of a studio with the model."""
    command = [sys.executable, "-m", "spadework", "studio", "--no-browser", "--port", "0"]
    command += ["--model", options.model, "--precision", options.precision]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="")
                if found := re.search(r"studio: (http://\S+)/", line):
                    yield found[1]
                    return
            raise SystemExit("the studio did not start")
        finally:
            process.terminate()


def map_message(label_map: np.ndarray, sequence: int, rect: tuple[int, int, int, int]) -> bytes:
    """A map message in its binary form."""
    x, y, w, h = rect
    head = {"type": "map", "sequence": sequence, "size": label_map.shape, "rect": rect, "type16": True}
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "little") + text + label_map[y : y + h, x : x + w].astype("<u2").tobytes()


def picture(frame: bytes | str) -> dict[str, Any] | None:
    """The header of a picture, which is decoded; None for other messages."""
    if isinstance(frame, str):
        message = json.loads(frame)
        if message["type"] == "error":
            raise SystemExit(message["message"])
        return None
    length = int.from_bytes(frame[:4], "little")
    Image.open(io.BytesIO(frame[4 + length :])).load()
    header: dict[str, Any] = json.loads(frame[4 : 4 + length])
    return header


def strokes(label_map: np.ndarray, seed: int) -> Iterator[bytes]:
    """The whole map, then dabs of classes that occur on it."""
    random = np.random.default_rng(seed)
    height, width = label_map.shape
    classes = np.unique(label_map)
    yield map_message(label_map, 0, (0, 0, width, height))
    sequence = 0
    while True:
        sequence += 1
        x, y = int(random.integers(0, width - DAB)), int(random.integers(0, height - DAB))
        label_map[y : y + DAB, x : x + DAB] = random.choice(classes)
        yield map_message(label_map, sequence, (x, y, DAB, DAB))


def alone(address: str, label_map: np.ndarray, options: Options) -> None:
    """Latencies of a lone painter, to the first picture of a stroke and to its final one."""
    first, full, computed = [], [], []
    with connect(address, max_size=None) as connection:
        connection.send(json.dumps({"type": "preview", "maximum_side": options.preview}))
        header = None
        for sequence, stroke in zip(range(options.strokes + 1), strokes(label_map, 0), strict=False):
            start = time.perf_counter()
            connection.send(stroke)
            seen: list[float] = []
            while True:
                header = picture(connection.recv(600))
                if header is not None and header["sequence"] == sequence:
                    seen.append(1000 * (time.perf_counter() - start))
                    if header["final"]:
                        break
            if sequence > 5:
                first.append(seen[0])
                full.append(seen[-1])
                computed.append(header["milliseconds"])
    for what, values in (("first picture", first), ("full picture", full), ("computing it", computed)):
        print(f"{what:14} {summary(values)}")


def summary(values: list[float]) -> str:
    """Median, 95th percentile and range."""
    ordered = sorted(values)
    high = ordered[int(0.95 * (len(ordered) - 1))]
    spread = f"{ordered[0]:.0f} to {ordered[-1]:.0f} ms, {len(values)} strokes"
    return f"median {statistics.median(values):.0f} ms, 95 % {high:.0f} ms, {spread}"


def together(address: str, label_map: np.ndarray, options: Options) -> None:
    """Shares and latencies of several painters."""
    end = time.monotonic() + options.seconds
    photos = [0] * options.painters
    waits: list[list[float]] = [[] for _ in photos]

    def paint(number: int) -> None:
        sent: dict[int, float] = {}
        with connect(address, max_size=None) as connection:
            for sequence, stroke in enumerate(strokes(label_map.copy(), number)):
                if time.monotonic() > end:
                    return
                sent[sequence] = time.monotonic()
                connection.send(stroke)
                collect(connection, number, sent, time.monotonic() + 1 / 30)

    def collect(connection: ClientConnection, number: int, sent: dict[int, float], until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            try:
                header = picture(connection.recv(left))
            except TimeoutError:
                return
            if header is not None:
                photos[number] += 1
                waits[number].append(1000 * (time.monotonic() - sent[header["sequence"]]))

    threads = [threading.Thread(target=paint, args=[number]) for number in range(options.painters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everybody = summary([one for each in waits for one in each])
    print(f"photos per painter: {min(photos)} to {max(photos)}; stroke to photo: {everybody}")


def main() -> None:
    """Start the studio, measure, tell."""
    options = tyro.cli(Options, description=__doc__)
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with studio(options) as address:
        about = json.load(urllib.request.urlopen(f"{address}/v1/model"))
        content = urllib.request.urlopen(address + about["examples"][0]["url"]).read()
        label_map = np.array(Image.open(io.BytesIO(content))).astype(np.uint16)
        if options.size:
            rows, columns = (np.arange(options.size) * side // options.size for side in label_map.shape)
            label_map = label_map[rows[:, None], columns]
        print(f"{about['name']}: {label_map.shape[1]}x{label_map.shape[0]}, {options.precision}")
        live = address.replace("http", "ws", 1) + "/v1/live"
        (alone if options.painters == 1 else together)(live, label_map, options)


if __name__ == "__main__":
    main()
