"""Kept features: found again by content, computed anew when anything changes or an entry is damaged."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spadework.evaluation.feature_cache import FeatureCache, cache_key
from spadework.evaluation.moments import Moments, moments_of

MODE: dict[str, Any] = {"network": "mean", "mode": "plain", "weights": [{"sha256": "00"}]}


class Counted:
    """Computes features and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Tensor:
        self.times += 1
        return torch.arange(12, dtype=torch.float32).view(4, 3)

    def moments(self) -> Moments:
        return moments_of([self()])


def files(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{i}.png" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_features_and_moments_are_computed_once(tmp_path: Path) -> None:
    compute, key = Counted(), cache_key(files(tmp_path, b"a", b"b"), MODE)
    for _ in range(3):
        assert torch.equal(FeatureCache(tmp_path / "cache").features(key, compute), torch.arange(12.0).view(4, 3))
    assert compute.times == 1
    first = FeatureCache(tmp_path / "cache").moments(key, compute.moments)
    again = FeatureCache(tmp_path / "cache").moments(key, compute.moments)
    assert compute.times == 2 and again.n == 4
    assert torch.equal(first.mean, again.mean) and torch.equal(first.scatter, again.scatter)


def test_the_key_is_content_and_extractor(tmp_path: Path) -> None:
    one, two = files(tmp_path, b"aa", b"b")
    key = cache_key([one, two], MODE)
    (tmp_path / "moved").mkdir()
    assert key == cache_key(files(tmp_path / "moved", b"aa", b"b"), MODE)
    assert key == cache_key([one, two], dict(reversed(MODE.items())))
    others = [
        cache_key([two, one], MODE),
        cache_key([one], MODE),
        cache_key(files(tmp_path / "moved", b"a", b"ab"), MODE),
        cache_key([one, two], {**MODE, "mode": "other"}),
        cache_key([one, two], {**MODE, "weights": [{"sha256": "01"}]}),
    ]
    assert len({key, *others}) == 6


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.png: there is no such file"):
        cache_key([tmp_path / "gone.png"], MODE)


def test_a_damaged_entry_is_computed_anew(tmp_path: Path) -> None:
    compute, cache = Counted(), FeatureCache(tmp_path)
    expected = cache.features("key", compute)
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    damaged = [b"", whole[:30], whole[:-1], whole + b"x", b"\0" * len(whole), b"x" + whole[1:]]
    damaged += [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(0, len(whole), 7)]
    for number, content in enumerate(damaged):
        entry.write_bytes(content)
        assert torch.equal(cache.features("key", compute), expected)
        assert compute.times == number + 2
        assert entry.read_bytes() == whole
    assert torch.equal(cache.features("key", compute), expected) and compute.times == len(damaged) + 1
    assert list(tmp_path.iterdir()) == [entry]


def test_a_failed_computation_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> Tensor:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        FeatureCache(tmp_path / "cache").features("key", fail)
    assert not (tmp_path / "cache").exists()


def write_until_killed(folder: Path) -> None:
    cache = FeatureCache(folder)
    for number in range(10**6):
        cache.features(f"key{number}", lambda: torch.full((200, 50), 3.0))


def test_a_killed_writer_leaves_whole_entries(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=write_until_killed, args=(tmp_path,))
    process.start()
    while len(list(tmp_path.glob("key*"))) < 20:
        assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    cache = FeatureCache(tmp_path)

    def never() -> Tensor:
        raise AssertionError("an entry was damaged")

    for entry in tmp_path.glob("key*"):
        assert torch.equal(cache.features(entry.stem, never), torch.full((200, 50), 3.0))
