"""The live connection: strokes in, photos out, the newest state wins, nobody waits for the slow."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spadework
from spadework.studio.limits import Limits
from spadework.studio.shared_model import Made
from tests.studio.served import InThread, Served, ids, live_map, picture_of, png, text

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect


def final(connection: ClientConnection, sequence: int) -> np.ndarray:
    """The final photo of that number; whatever comes before it must be older or its preview."""
    while True:
        frame = connection.recv(120)
        if isinstance(frame, str) and json.loads(frame)["type"] == "busy":
            continue
        header, shown = picture_of(frame)
        assert header["sequence"] <= sequence
        if header["final"] and header["sequence"] == sequence:
            return shown


def error(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(120))
    assert message["type"] == "error", message
    return message


@pytest.fixture(scope="module")
def synthesizer(model: Path) -> spadework.Synthesizer:
    return spadework.load(model)


def test_strokes_become_photos(served: Served, synthesizer: spadework.Synthesizer) -> None:
    label_map = ids(0)
    with connect(served.live) as connection:
        connection.send(live_map(label_map, 1))
        np.testing.assert_array_equal(final(connection, 1), np.asarray(synthesizer(label_map)))
        for sequence, (x, y, w, h) in enumerate([(3, 5, 20, 9), (0, 0, 1, 64), (60, 60, 4, 4)], 2):
            label_map[y : y + h, x : x + w] = 7
            connection.send(live_map(label_map, sequence, (x, y, w, h)))
            np.testing.assert_array_equal(final(connection, sequence), np.asarray(synthesizer(label_map)))
        connection.send(json.dumps({"type": "style", "sequence": 9, "style": {"seed": 4}}))
        np.testing.assert_array_equal(final(connection, 9), np.asarray(synthesizer(label_map, seed=4)))
        other = ids(5, 32, 96)
        connection.send(live_map(other, 10))
        np.testing.assert_array_equal(final(connection, 10), np.asarray(synthesizer(other, seed=4)))


def test_binary_messages_carry_pixels(served: Served, synthesizer: spadework.Synthesizer) -> None:
    label_map = ids(1)
    header = {"type": "map", "sequence": 1, "size": [64, 64], "rect": [0, 0, 64, 64]}
    with connect(served.live) as connection:
        for sequence, (kind, more) in enumerate([(np.uint8, {}), ("<u2", {"type16": True})], 1):
            head = json.dumps({**header, **more, "sequence": sequence}).encode()
            connection.send(len(head).to_bytes(4, "little") + head + label_map.astype(kind).tobytes())
            np.testing.assert_array_equal(final(connection, sequence), np.asarray(synthesizer(label_map)))
        connection.send(live_map(ids(2), 3).encode())  # JSON as bytes
        np.testing.assert_array_equal(final(connection, 3), np.asarray(synthesizer(ids(2))))


def test_the_newest_wins(served: Served, synthesizer: spadework.Synthesizer) -> None:
    strokes = 200
    label_map = ids(0)
    with connect(served.live) as connection:
        for sequence in range(1, strokes + 1):
            label_map[sequence % 64] = 20
            connection.send(live_map(label_map, sequence))
        seen = []
        while not seen or seen[-1] < strokes:
            header, shown = picture_of(connection.recv(120))
            seen.append(header["sequence"])
    assert seen == sorted(set(seen)) and len(seen) < strokes
    np.testing.assert_array_equal(shown, np.asarray(synthesizer(label_map)))


def test_previews_come_first_where_asked_for(served: Served) -> None:
    with connect(served.live) as connection:
        connection.send(json.dumps({"type": "preview", "maximum_side": 32}))
        connection.send(live_map(ids(), 1))
        header, shown = picture_of(connection.recv(120))
        assert not header["final"] and header["format"] == "jpeg" and shown.shape == (32, 32, 3)
        header, shown = picture_of(connection.recv(120))
        assert header["final"] and header["format"] == "png" and shown.shape == (64, 64, 3)
        assert header["rect"] == [0, 0, 64, 64] and header["milliseconds"] > 0
        connection.send(json.dumps({"type": "preview", "maximum_side": 0}))
        connection.send(live_map(ids(1), 2))
        while header["sequence"] < 2:
            header, _ = picture_of(connection.recv(120))
        assert header["final"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "message"),
        ('{"type": "map"}', "sequence"),
        ('{"type": "mop"}', "mop"),
        ('{"type": "style", "sequence": 1, "style": {"seed": -1}}', "seed"),
        ('{"type": "style", "sequence": 1, "style": {"photo": "QUJD"}}', "no picture"),
        ('{"type": "preview", "maximum_side": 1e9}', "maximum_side"),
        (live_map(ids(), 1, (1, 0, 64, 64)).replace("[1, 0, 64, 64]", "[1, 0, 64, 64]"), "beyond"),
        (live_map(ids(), 1, (0, 0, 8, 8)), "must cover all"),
        (live_map(ids()).replace("[64, 64]", "[60000, 60000]"), "allowed"),
        (live_map(np.full((4, 4), 9, np.uint8)), "9"),
        (live_map(ids()).replace('"label_map": "', '"label_map": "AAAA'), "bytes"),
        (b"\xff\xff\xff\xff{", "no JSON"),
        (b"", "no JSON"),
    ],
)
def test_messages_that_make_no_sense_are_told_and_change_nothing(
    served: Served, message: str | bytes, words: str
) -> None:
    with connect(served.live) as connection:
        connection.send(message)
        assert words in error(connection)["message"]
        connection.send(live_map(ids(), 1))
        final(connection, 1)


def test_a_style_that_does_not_fit_is_told_with_its_number(served: Served) -> None:
    with connect(served.live) as connection:
        connection.send(live_map(ids(), 1))
        final(connection, 1)
        connection.send(json.dumps({"type": "style", "sequence": 2, "style": {"vector": [1.0]}}))
        told = error(connection)
        assert told["sequence"] == 2 and "6 numbers" in told["message"]
        connection.send(json.dumps({"type": "style", "sequence": 3, "style": None}))
        final(connection, 3)


def test_a_map_that_fails_does_not_take_a_newer_one_with_it(model: Path) -> None:
    begun, gate = threading.Event(), threading.Event()
    with InThread(model) as served, connect(served.live) as connection:
        compute = served.studio.model.generate

        def fails_late(*arguments: Any) -> Made:
            begun.set()
            gate.wait(60)
            raise ValueError("this map cannot be drawn")

        served.studio.model.generate = fails_late  # type: ignore[method-assign]
        connection.send(live_map(ids(0), 1))
        assert begun.wait(60)
        served.studio.model.generate = compute  # type: ignore[method-assign]
        connection.send(live_map(ids(1), 2))
        connection.send("{")  # Answered when what was sent before it has been read.
        assert "no JSON" in error(connection)["message"]
        gate.set()
        told = error(connection)
        assert (told["sequence"], told["message"]) == (1, "this map cannot be drawn")
        np.testing.assert_array_equal(final(connection, 2), np.asarray(spadework.load(model)(ids(1))))


def test_endless_nonsense_ends_the_connection(served: Served) -> None:
    with connect(served.live) as connection, pytest.raises(ConnectionClosed):
        while True:
            connection.send("nonsense")
            error(connection)


def test_large_messages_end_the_connection_not_the_studio(served: Served) -> None:
    with connect(served.live, max_size=None) as connection, pytest.raises(ConnectionClosed):
        connection.send("x" * 60_000_000)
        connection.recv(60)
    assert served.get("/v1/model").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:1", "http://localhost.evil.example"])
def test_other_sites_pages_get_no_connection(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(served.live, additional_headers={"Origin": origin})
    assert refused.value.response.status_code == 403 and b"origin" in (refused.value.response.body or b"")


def test_a_slow_client_waits_for_itself_alone(served: Served) -> None:
    """One client never takes what it asked for; the others go on as before."""
    large = ids(0, 512, 512)
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with connect(served.live, sock=raw, max_queue=1, close_timeout=0) as slow, connect(served.live) as quick:
            for sequence in range(1, 40):
                slow.send(live_map(np.roll(large, sequence, 0), sequence))
            for sequence in range(1, 6):
                quick.send(live_map(ids(sequence), sequence))
                final(quick, sequence)


def test_connections_are_bounded(model: Path) -> None:
    limits = Limits(connections=2)
    with InThread(model, limits) as served, connect(served.live) as a, connect(served.live) as b:
        for one in (a, b):
            one.send(live_map(ids(), 1))
            final(one, 1)
        with connect(served.live) as third, pytest.raises(ConnectionClosed) as closed:
            third.recv(60)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
        a.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with connect(served.live) as again:
                try:
                    again.send(live_map(ids(), 1))
                    final(again, 1)
                    break
                except ConnectionClosed:
                    time.sleep(0.2)
        else:
            raise AssertionError("a place that became free was not given away")


def test_a_dragged_in_photo_sets_the_style(served: Served, synthesizer: spadework.Synthesizer) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    with connect(served.live) as connection:
        connection.send(live_map(ids(), 1))
        connection.send(json.dumps({"type": "style", "sequence": 2, "style": {"photo": text(png(photo))}}))
        np.testing.assert_array_equal(final(connection, 2), np.asarray(synthesizer(ids(), style=photo)))
