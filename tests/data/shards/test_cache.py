"""Shards from afar: a web server, an object store; a cache that keeps its limit, whoever shares or kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.data.shards import ShardDataset, make_shards
from spadework.data.shards.cache import ShardCache
from spadework.data.shards.dataset import default_cache
from spadework.data.stream import SampleStream
from tests.data.shards.reading import assert_same_batches, read_all, same
from tests.data.shards.stores import s3_store, upload, web_server

Make = Callable[..., Path]
SETTINGS = Preprocess(load_size=20, crop_size=16)


@pytest.fixture
def many(make_folder: Make) -> Iterator[tuple[FolderDataset, Path]]:
    """A folder of 40 pairs, and a shard for each."""
    root = make_folder(count=40)
    make_shards(root, root.parent / "shards", shard_bytes=1)
    yield FolderDataset(root, settings=SETTINGS), root.parent / "shards"


def cache_size(folder: Path) -> int:
    total = 0
    for path in list(folder.glob("*")):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


@pytest.mark.parametrize("workers", [0, 2])
def test_a_whole_epoch_from_a_web_server_within_a_small_cache(
    many: tuple[FolderDataset, Path], tmp_path: Path, workers: int
) -> None:
    local = ShardDataset(many[1], settings=SETTINGS)
    limit = 33 * max(shard.bytes for shard in local.shards)
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            peak[0] = max(peak[0], cache_size(tmp_path / "cache"))
            time.sleep(0.002)

    with web_server(many[1]) as (url, asked):
        far = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache", cache_bytes=limit)
        assert far.ahead > 0
        watcher = threading.Thread(target=watch)
        watcher.start()
        assert_same_batches(read_all(SampleStream(local, 7), 0), read_all(SampleStream(far, 7), workers))
        stop.set()
        watcher.join()
    shards = {file: count for file, count in asked.items() if file.endswith(".tar")}
    assert len(shards) == 40
    assert 20 * local.shards[0].bytes < peak[0] <= limit + 100  # and the few digits of reservations
    assert sum(shards.values()) <= 2 * 40 + 16  # two epochs; a window more of what was fetched ahead
    assert not list((tmp_path / "cache").glob("*.partial"))


def test_a_large_cache_is_filled_once(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    with web_server(many[1]) as (url, asked):
        far = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache")
        read_all(SampleStream(far, 7), 2)
        again = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache")
        read_all(SampleStream(again, 8), 1)
    assert {count for file, count in asked.items() if file.endswith(".tar")} == {1}


def test_a_cache_that_cannot_hold_a_window(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    limit = 10 * ShardDataset(many[1]).shards[0].bytes
    with (
        web_server(many[1]) as (url, _),
        pytest.raises(ValueError, match=r"--cache-size is .*16 shards .*at least that"),
    ):
        ShardDataset(url, cache=tmp_path / "cache", cache_bytes=limit)


def test_from_an_object_store(
    many: tuple[FolderDataset, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = ShardDataset(many[1], settings=SETTINGS)
    with s3_store(monkeypatch):
        url = upload(many[1], "sets/park")
        far = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache")
        for workers in (0, 2):
            assert_same_batches(read_all(SampleStream(local, 7), 0), read_all(SampleStream(far, 7), workers))
        with pytest.raises(ValueError, match=r"s3://pictures/nothing/shards\.json: there is no such file"):
            ShardDataset("s3://pictures/nothing")


def test_a_damaged_copy_is_fetched_anew(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    with web_server(many[1]) as (url, asked):
        far = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache")
        good = far[3]
        (copy,) = (tmp_path / "cache").glob("*.tar")
        copy.write_bytes(bytes(copy.stat().st_size))
        assert same(far[3], good)
        assert asked[far.shards[3].file] == 2

        # Where the store's own is damaged, that is said.
        (many[1] / far.shards[3].file).write_bytes(bytes(copy.stat().st_size))
        copy.write_bytes(bytes(copy.stat().st_size))
        with pytest.raises(ValueError, match=r"00003\.tar: damaged \(the photo of 'p3' has a wrong checksum\)"):
            far[3]


def test_a_short_shard_is_refused(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    shard = many[1] / "train/00003.tar"
    os.truncate(shard, 1000)
    with web_server(many[1]) as (url, _):
        far = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache")
        with pytest.raises(ValueError, match=r"00003\.tar has 1000 bytes, expected \d+: it is damaged"):
            far[3]
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix in (".tar", ".partial", ".reserved")]


def test_errors_reach_the_training_through_workers(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    (many[1] / "train/00003.tar").unlink()
    with web_server(many[1]) as (url, _):
        far = ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache")
        with pytest.raises(ValueError, match=r"00003\.tar: there is no such file") as caught:
            read_all(SampleStream(far, 7), 2)
    assert "Traceback" not in str(caught.value)


def test_what_a_killed_run_left_is_swept_up(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    """kill -9 in the middle of a fetch: nothing is taken for a shard, and the room it had reserved comes free."""
    cache = tmp_path / "cache"
    code = f"""
import time
from pathlib import Path
from spadework.data.shards import ShardDataset
from spadework.data.shards.storage import Storage

def fetch(storage, file, target):
    target.write_bytes(b"half")
    print("fetching", flush=True)
    time.sleep(60)

Storage.fetch = fetch
from spadework.data.shards.cache import ShardCache
dataset = ShardDataset({str(many[1])!r})
ShardCache(Storage("http://nowhere"), Path({str(cache)!r}), 10**6).path(dataset.shards[3])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "fetching\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(list(cache.glob("*.partial"))) == 1 and len(list(cache.glob("*.reserved"))) == 1

    with web_server(many[1]) as (url, _):
        far = ShardDataset(url, settings=SETTINGS, cache=cache)
        assert far[4].name == "p4"
        assert not list(cache.glob("*.partial")) and not list(cache.glob("*.reserved"))
        assert same(far[3], ShardDataset(many[1], settings=SETTINGS)[3])


def test_two_who_want_the_same_shard_fetch_it_once(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    with web_server(many[1]) as (url, asked):
        readers = [ShardDataset(url, settings=SETTINGS, cache=tmp_path / "cache") for _ in range(8)]
        threads = [threading.Thread(target=reader.read, args=(3,)) for reader in readers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert asked[readers[0].shards[3].file] == 1


def test_what_was_not_read_for_the_longest_time_makes_room(many: tuple[FolderDataset, Path], tmp_path: Path) -> None:
    local = ShardDataset(many[1])
    with web_server(many[1]) as (url, asked):
        far = ShardDataset(url, cache=tmp_path / "cache")
        cache = ShardCache(far.storage, tmp_path / "small", 3 * local.shards[0].bytes)
        for number in (0, 1, 2, 0, 3, 0, 1):
            assert cache.path(far.shards[number]).stat().st_size == local.shards[number].bytes
            time.sleep(0.02)  # file systems count time in ticks
        assert [asked[far.shards[number].file] for number in range(4)] == [1, 2, 1, 1]


def test_the_cache_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "spadework/shards"
