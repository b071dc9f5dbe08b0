"""Eight people paint at once: no error, fair shares, flat memory."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.studio.served import IDS, Served, ids, live_map, picture_of

pytest.importorskip("websockets")
from websockets.sync.client import connect

PEOPLE = 8
MIB = 1024**2


class Painter(threading.Thread):
    """Strokes as they come from a brush, thirty a second, until told to stop; counts the photos that come back."""

    def __init__(self, address: str, number: int, end: float) -> None:
        super().__init__(daemon=True)
        self.address, self.number, self.end = address, number, end
        self.photos = 0
        self.waits: list[float] = []
        self.failure: BaseException | str | None = None

    def run(self) -> None:
        try:
            self._paint()
        except BaseException as failure:
            self.failure = failure

    def _paint(self) -> None:
        random = np.random.default_rng(self.number)
        label_map = ids(self.number)
        sent: dict[int, float] = {}
        with connect(self.address) as connection:
            connection.send(live_map(label_map, 0))
            sequence = 0
            while time.monotonic() < self.end:
                sequence += 1
                x, y = random.integers(0, 56, 2)
                label_map[y : y + 8, x : x + 8] = random.choice(IDS)
                sent[sequence] = time.monotonic()
                connection.send(live_map(label_map, sequence, (int(x), int(y), 8, 8)))
                if sequence % 40 == 0:
                    sequence += 1
                    style = {"type": "style", "sequence": sequence, "style": {"seed": sequence}}
                    connection.send(json.dumps(style))
                    sent[sequence] = time.monotonic()
                self._collect(connection, sent, 1 / 30)

    def _collect(self, connection: object, sent: dict[int, float], seconds: float) -> None:
        """What has come, for so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                frame = connection.recv(left)  # type: ignore[attr-defined]
            except TimeoutError:
                return
            if isinstance(frame, str):
                assert json.loads(frame)["type"] == "busy", frame
                continue
            header, _ = picture_of(frame)
            self.photos += header["final"]
            if header["sequence"] in sent:
                self.waits.append(time.monotonic() - sent[header["sequence"]])


def paint_together(served: Served, seconds: float) -> None:
    process = psutil.Process(served.process.pid)
    warm = [Painter(served.live, 100 + n, time.monotonic() + 5) for n in range(PEOPLE)]
    for painter in warm:
        painter.start()
    for painter in warm:
        painter.join(60)

    painters = [Painter(served.live, n, time.monotonic() + seconds) for n in range(PEOPLE)]
    for painter in painters:
        painter.start()
    sizes = []
    while any(painter.is_alive() for painter in painters):
        sizes.append(process.memory_info().rss / MIB)
        time.sleep(0.5)
    for painter in painters:
        assert painter.failure is None, painter.failure
    photos = [painter.photos for painter in painters]
    waits = sorted(wait for painter in painters for wait in painter.waits)
    third = len(sizes) // 3
    early, late = max(sizes[:third]), max(sizes[-third:])
    print(
        f"\n{seconds:.0f} s: photos per painter {min(photos)} to {max(photos)}, stroke to photo median "
        f"{1000 * waits[len(waits) // 2]:.0f} ms, 95 % {1000 * waits[int(0.95 * len(waits))]:.0f} ms; "
        f"memory {early:.0f} MiB in the first third, {late:.0f} MiB in the last"
    )
    assert min(photos) > 0.7 * max(photos), photos
    assert late < early + 30, sizes
    assert served.alive and not [line for line in served.said if "Traceback" in line]


@pytest.mark.slow
def test_half_a_minute(model: Path) -> None:
    with Served("--model", model) as served:
        paint_together(served, 30)


@pytest.mark.soak
def test_five_minutes(model: Path) -> None:
    with Served("--model", model) as served:
        paint_together(served, 300)
