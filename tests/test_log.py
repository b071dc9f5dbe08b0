"""The log of a run: what is written can be read, whatever happened in between."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from spadework.atomic import DiskFullError
from spadework.log import Log, read_log
from tests.full_disk import KINDS, ROOM, little_room


def logged_images(folder: Path) -> list[int]:
    return [line["images"] for line in read_log(folder)]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder / "events"))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_lines_and_events_hold_the_same_numbers(tmp_path: Path) -> None:
    with Log(tmp_path, 0) as log:
        log.write(8, losses={"gan": torch.tensor(0.5), "kld": 2}, learning_rates={"generator": 1e-4}, note="first")
        log.write(16, losses={"gan": 0.25, "kld": 1}, learning_rates={"generator": 1e-4}, images_per_second=3.5)

    first, second = read_log(tmp_path)
    assert first.pop("time").endswith("+00:00")
    assert list(first) == ["images", "losses", "learning_rates", "note"]
    assert first["losses"] == {"gan": 0.5, "kld": 2}
    assert second["images_per_second"] == 3.5
    assert scalars(tmp_path) == {
        "losses/gan": [(8, 0.5), (16, 0.25)],
        "losses/kld": [(8, 2.0), (16, 1.0)],
        "learning_rates/generator": [(8, pytest.approx(1e-4)), (16, pytest.approx(1e-4))],
        "images_per_second": [(16, 3.5)],
    }


def test_no_log_yet(tmp_path: Path) -> None:
    assert read_log(tmp_path) == []


def test_what_is_not_finite_stays_json_and_is_not_lost(tmp_path: Path) -> None:
    with Log(tmp_path, 0) as log:
        log.write(8, losses={"a": float("nan"), "b": torch.tensor(float("inf")), "c": [-float("inf"), 1.0]})

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=refuse)
    (line,) = read_log(tmp_path)
    assert str(line["losses"]) == "{'a': nan, 'b': inf, 'c': [-inf, 1.0]}"


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    with Log(tmp_path, 0) as log:
        for images in (8, 16, 24):
            log.write(images, loss=images)
    time.sleep(1.1)  # TensorBoard tells its files of one process apart by the second
    with Log(tmp_path, 16) as log:
        assert logged_images(tmp_path) == [8, 16]
        log.write(24, loss=-24)
        log.write(32, loss=-32)
    assert [(line["images"], line["loss"]) for line in read_log(tmp_path)] == [(8, 8), (16, 16), (24, -24), (32, -32)]
    assert scalars(tmp_path) == {"loss": [(8, 8.0), (16, 16.0), (24, -24.0), (32, -32.0)]}
    assert sorted(os.listdir(tmp_path)) == ["events", "log.jsonl"]


values = st.dictionaries(
    st.sampled_from(["gan", "größe", "a b"]), st.integers() | st.floats() | st.text(max_size=9).filter(bool), max_size=3
)


@settings(deadline=None, max_examples=25)
@given(lines=st.lists(values, min_size=1, max_size=4), data=st.data())
def test_a_log_cut_anywhere_gives_its_complete_lines(lines: list[dict[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Log(folder, 0) as log:
            for images, losses in enumerate(lines):
                log.write(images, losses=losses)
        whole = read_log(folder)
        assert [line["losses"].keys() for line in whole] == [losses.keys() for losses in lines]

        # A line is complete with its closing brace; its line break may be missing.
        path = folder / "log.jsonl"
        written = path.read_bytes()
        cut = data.draw(st.integers(0, len(written)))
        path.write_bytes(written[:cut])
        complete = len(
            [line for line in written[:cut].split(b"\n") if line.endswith(b"}") and line in written.split(b"\n")]
        )
        assert str(read_log(folder)) == str(whole[:complete])

        # And the next line comes on a line of its own.
        with Log(folder, len(lines)) as log:
            log.write(len(lines), losses={})
        assert logged_images(folder) == [*range(complete), len(lines)]


@pytest.mark.parametrize("rubbish", [b"\0" * 512, b'{"images": 16, "lo', b"\xff\xfe", b"[]", b"{}", b'{"images": "8"}'])
def test_a_rubbish_last_line_is_dropped_and_one_in_the_middle_is_named(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"images": 8}\n' + rubbish)
    assert logged_images(tmp_path) == [8]

    text = b'{"images": 8}\n' + rubbish + b'\n{"images": 24}\n'
    path.write_bytes(text)
    complaint = r"log\.jsonl, line 2: expected a JSON object with images, found .*repair"
    with pytest.raises(ValueError, match=complaint):
        read_log(tmp_path)
    assert path.read_bytes() == text

    # A training goes on; nothing of the old file is lost.
    with pytest.warns(UserWarning, match=complaint), Log(tmp_path, 24) as log:
        log.write(32)
    assert logged_images(tmp_path) == [8, 24, 32]
    assert (tmp_path / "log.damaged.jsonl").read_bytes() == text


def test_kills_lose_no_line(tmp_path: Path) -> None:
    images = 0
    for kill in range(5):
        child = os.fork()
        if child == 0:
            log = Log(tmp_path, images)
            while True:
                images += 1
                log.write(images, losses={"gan": 0.5})
        deadline = time.monotonic() + 20
        while len(logged_images(tmp_path)) < images + 20 and time.monotonic() < deadline:
            time.sleep(0.001 * kill)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

        lines = logged_images(tmp_path)
        assert len(lines) >= images + 20
        assert lines == list(range(1, len(lines) + 1))
        images = len(lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_a_log_of_complete_lines(tmp_path: Path, kind: str) -> None:
    with little_room(kind, tmp_path / "disk") as disk, Log(disk, 0) as log:
        note = "x" * 100_000
        with pytest.raises(DiskFullError, match=r"log\.jsonl.*untouched.*Cure"):
            for images in range(2 * ROOM // len(note)):
                log.write(images, note=note)
        text = (disk / "log.jsonl").read_bytes()
        assert text.endswith(b"}\n")
        lines = logged_images(disk)
        assert len(lines) > 10
        assert lines == list(range(len(lines)))
