"""Pieces of work in several processes: what is done stays, what goes wrong is said."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from spadework.evaluation.blocks import Block, BlockFolder, blocks_of
from spadework.evaluation.processes import Work, finish


@dataclass(frozen=True)
class Touch(Work[int]):
    """Writes a file per number; some numbers are trouble."""

    folder: Path
    title = "touching"

    def is_done(self, piece: int) -> bool:
        return (self.folder / str(piece)).exists()

    def start(self) -> Callable[[int], None]:
        (self.folder / f"started-{os.getpid()}").touch()
        return self._touch

    def _touch(self, piece: int) -> None:
        if piece == 100:
            raise ValueError("100 is too much")
        if piece == 200:
            os.kill(os.getpid(), signal.SIGKILL)
        if piece == 300:
            raise ZeroDivisionError("of our own making")
        if piece == 400:
            warnings.warn("400 is odd", stacklevel=1)
        (self.folder / str(piece)).write_text(str(torch.get_num_threads()))


@pytest.mark.parametrize("processes", [1, 3])
def test_everything_is_done_once(tmp_path: Path, processes: int) -> None:
    told: list[tuple[int, int]] = []
    (tmp_path / "2").write_text("before")
    finish(Touch(tmp_path), range(7), processes, lambda title, done, total: told.append((done, total)))
    assert told == [(done, 7) for done in range(1, 8)]
    assert (tmp_path / "2").read_text() == "before"
    assert {(tmp_path / str(piece)).read_text() for piece in (0, 1, 3, 4, 5, 6)} == {"1"}, "one thread each"
    assert len(list(tmp_path.glob("started-*"))) == processes
    finish(Touch(tmp_path), range(7), processes)
    assert len(list(tmp_path.glob("started-*"))) == processes, "nothing was left to do"


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_piece_says_is_told(tmp_path: Path, processes: int) -> None:
    with pytest.raises(ValueError, match=r"^100 is too much$"):
        finish(Touch(tmp_path), [1, 100, 2], processes)
    with pytest.raises(ZeroDivisionError if processes == 1 else RuntimeError, match="of our own making"):
        finish(Touch(tmp_path), [300, 3, 5], processes)
    with pytest.warns(UserWarning, match="400 is odd"):
        finish(Touch(tmp_path), [4, 6, 400], processes)


def test_a_killed_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"a process was killed \(exit code -9\).*fewer --processes"):
        finish(Touch(tmp_path), [1, 2, 3, 200], 2)
    finish(Touch(tmp_path), [1, 2, 3], 2)
    assert {path.name for path in tmp_path.glob("[0-9]")} == {"1", "2", "3"}


def test_blocks() -> None:
    blocks = blocks_of(37, 16)
    assert [list(block.places) for block in blocks] == [[*range(16)], [*range(16, 32)], [*range(32, 37)]]
    assert [len(block) for block in blocks] == [16, 16, 5] and blocks_of(0) == []


def test_a_damaged_block_is_missing(tmp_path: Path) -> None:
    store, block = BlockFolder(tmp_path), Block(3, range(2))
    assert store.read(block) is None
    store.write(block, {"features": torch.ones(2, 500).numpy()})
    assert store.has(block)
    content = store.path(block).read_bytes()
    for damaged in (content[:-30], content[:200], b"", content[:900] + b"?" + content[901:]):
        store.path(block).write_bytes(damaged)
        assert not store.has(block)
    with pytest.raises(OSError, match="missing or damaged"):
        list(store.in_order([block]))
