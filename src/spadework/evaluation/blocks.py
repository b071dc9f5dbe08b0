"""Blocks: a fixed number of pictures that are worked on together, and whose results are one file.

Which pictures make a block depends on their places in the data alone, never on the number of processes or on where a
run was interrupted. Results are summed in the order of blocks, so all these give the same numbers, to the last bit.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spadework.atomic import write_atomic

BLOCK = 16
"""Pictures."""

Results = dict[str, np.ndarray]


@dataclass(frozen=True)
class Block:
    """Pictures at neighbouring places."""

    number: int
    places: range
    """Places in the data's order, from 0."""

    def __len__(self) -> int:
        return len(self.places)


def blocks_of(count: int, size: int = BLOCK) -> list[Block]:
    """`count` pictures in blocks of `size`; the last one may be smaller."""
    return [
        Block(number, range(start, min(start + size, count))) for number, start in enumerate(range(0, count, size))
    ]


@dataclass(frozen=True)
class BlockFolder:
    """A folder with the results of blocks, one npz file each."""

    folder: Path

    def path(self, block: Block) -> Path:
        """Where a block's results lie."""
        return self.folder / f"{block.number:06d}.npz"

    def write(self, block: Block, results: Mapping[str, np.ndarray]) -> None:
        """Write a block's results, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, **results)  # type: ignore[arg-type]
        write_atomic(self.path(block), lambda file: file.write(buffer.getvalue()))

    def read(self, block: Block) -> Results | None:
        """A block's results; None where they are missing or damaged (each array has a checksum)."""
        try:
            with np.load(self.path(block), allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def has(self, block: Block) -> bool:
        """Whether a block's results are there and undamaged."""
        return self.read(block) is not None

    def in_order(self, blocks: list[Block]) -> Iterator[Results]:
        """The results of blocks, one after the other; all must be there."""
        for block in blocks:
            results = self.read(block)
            if results is None:
                raise OSError(f"{self.path(block)}: missing or damaged; start the same command again, it is made anew")
            yield results
