"""How fast training samples come: the loader against the bare cost of decoding and resizing the same files.

    python benchmarks/loader.py --pairs 300 --epochs 4 --repeats 7

Draws pairs of 640x480 (JPEG and PNG), and takes in turn, in every repeat: `bare`, Pillow decoding each file and
resizing it in as many processes, nothing else; `folder`, batches of 256x256 from the folder, as they reach the training
loop; `folder, unpacked`, the same with the conversion to floats that a training on a CPU does in its own process;
`shards`, batches from the folder's shards.
Everything is timed from the start of the processes to the last picture. It prints images per second, median and spread,
the ratios to `bare` within each repeat, and the processor time per image of all processes together, which other work on
the machine disturbs less.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.pair_dataset import PairDataset
from spadework.data.pairs import Pair
from spadework.data.preprocess import Preprocess
from spadework.data.shards import ShardDataset, make_shards
from spadework.data.stream import SampleStream, batches

CLASSES = 60
SETTINGS = Preprocess(load_size=286, crop_size=256)
BATCH = 16


def draw_pairs(root: Path, count: int) -> None:
    """`count` pairs of 640x480: smooth regions with texture, JPEG of quality 90, PNG of ids."""
    for kind in ("photos", "labels"):
        (root / kind).mkdir(parents=True)
    for number in range(count):
        random = np.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, CLASSES, (12, 16), dtype=np.uint8))
        bent = np.asarray(coarse.resize((640, 480), Image.Resampling.NEAREST).rotate(random.uniform(-20, 20)))
        colors = random.integers(30, 225, (CLASSES, 3))
        texture = Image.fromarray(random.integers(0, 60, (240, 320), dtype=np.uint8)).resize((640, 480))
        photo = np.clip(colors[bent] + np.asarray(texture)[..., None] - 30, 0, 255).astype(np.uint8)
        Image.fromarray(photo).save(root / f"photos/{number:06d}.jpg", quality=90)
        Image.fromarray(bent).save(root / f"labels/{number:06d}.png")
    classes = tuple(SemanticClass(id, f"class {id}", (id, 255 - id, 128)) for id in range(CLASSES))
    Ontology("drawn", classes, unlabelled=(255,)).write(root / "ontology.json")


def decode_and_resize(pairs: list[Pair]) -> None:
    """What no loader can do without."""
    size = (SETTINGS.load_size, SETTINGS.load_size)
    for pair in pairs:
        assert pair.photo is not None
        with Image.open(pair.photo) as photo:
            photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        with Image.open(pair.label) as label:
            label.resize(size, Image.Resampling.NEAREST)


def bare(pairs: list[Pair], epochs: int, workers: int) -> None:
    """Decode and resize all pairs, shared out over processes."""
    fork = multiprocessing.get_context("fork")
    all_pairs = pairs * epochs
    shares = [all_pairs[worker::workers] for worker in range(workers)]
    processes = [fork.Process(target=decode_and_resize, args=(share,)) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def load(dataset: PairDataset, epochs: int, workers: int, unpack: bool = False) -> None:
    """Epochs of training batches."""
    stop, images = epochs * len(dataset), 0
    for _, batch in batches(SampleStream(dataset, 0), 0, BATCH, workers, stop=stop):
        images += len(batch.to("cpu") if unpack else batch)
    assert images == stop


@dataclass(frozen=True)
class Measured:
    """One way, once."""

    rate: float
    """Images per second."""
    processor: float
    """Milliseconds of processor time per image, all processes together."""


def measure(ways: dict[str, Callable[[], None]], images: int, repeats: int) -> dict[str, list[Measured]]:
    """Each way as often as there are repeats, all ways in turn in each."""
    measured: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start, busy = time.perf_counter(), processor_seconds()
            way()
            seconds, busy = time.perf_counter() - start, processor_seconds() - busy
            measured[name].append(Measured(images / seconds, 1000 * busy / images))
    return measured


def processor_seconds() -> float:
    """What this process and its ended children have used."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def print_table(measured: dict[str, list[Measured]]) -> None:
    print("|  | images/s | share of bare | processor ms/image | bare's share of it |")
    print("| --- | --- | --- | --- | --- |")
    for name, repeats in measured.items():
        pairs = list(zip(repeats, measured["bare"], strict=True))
        rates, busy = [one.rate for one in repeats], [one.processor for one in repeats]
        shares = [one.rate / base.rate for one, base in pairs]
        needed = [base.processor / one.processor for one, base in pairs]
        print(
            f"| {name} | {spread(rates, '.1f')} | {spread(shares, '.1%')} | {spread(busy, '.2f')} "
            f"| {spread(needed, '.1%')} |"
        )


def spread(values: list[float], form: str) -> str:
    """The median, and the lowest and highest."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Images per second of the loader, against bare decoding and resizing.")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=4, help="how often all pairs are read at a time")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        draw_pairs(root / "drawn", options.pairs)
        make_shards(root / "drawn", root / "shards", shard_bytes=8 * 2**20)
        folder = FolderDataset(root / "drawn", settings=SETTINGS)
        shards = ShardDataset(root / "shards", settings=SETTINGS)
        decode_and_resize(folder.pairs)  # Now the files are in memory, for all alike.
        measured = measure(
            {
                "bare": lambda: bare(folder.pairs, options.epochs, options.workers),
                "folder": lambda: load(folder, options.epochs, options.workers),
                "folder, unpacked": lambda: load(folder, options.epochs, options.workers, unpack=True),
                "shards": lambda: load(shards, options.epochs, options.workers),
            },
            options.pairs * options.epochs,
            options.repeats,
        )
        sizes = [path.stat().st_size for path in (root / "drawn/photos").iterdir()]
    cores = len(os.sched_getaffinity(0))
    kilobytes = statistics.mean(sizes) / 1000
    print(f"{options.pairs} pairs of 640x480, {options.epochs} times; JPEG of {kilobytes:.0f} kB;", end=" ")
    print(f"{options.workers} processes on {cores} core(s); {options.repeats} repeats;", end=" ")
    print(f"torch {torch.__version__}, Pillow {Image.__version__}\n")
    print_table(measured)


if __name__ == "__main__":
    main()
