"""What precision, compiling and recomputing do to speed and memory of training on a GPU.

    python benchmarks/gpu_training.py --preset coco --batch 4 --repeats 3

Tries each way in a process of its own, in turn in every repeat, by the same function as `spadework train --dry-run`, on
drawn pictures with 20 classes, without the perceptual loss. It prints a table: images per second, median and spread,
and the peak memory that PyTorch had allotted. `--device cpu` runs it without a GPU, to see that it works.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.preprocess import Preprocess
from spadework.systems import PRESETS, SYSTEMS
from spadework.systems.base import System, for_classes
from spadework.training.dry_run import dry_run
from spadework.training.settings import Settings

CLASSES = 20
WAYS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float32, recomputed": {"recompute": True},
    "float32, compiled": {"compile": True},
    "bf16": {"precision": "bf16"},
    "bf16, recomputed": {"precision": "bf16", "recompute": True},
    "bf16, compiled": {"precision": "bf16", "compile": True},
    "bf16, in two steps": {"precision": "bf16", "accumulate": 2},
}


def draw(root: Path, count: int, width: int, height: int) -> None:
    """Pairs of smooth regions and noise."""
    for kind in ("photos", "labels"):
        (root / kind).mkdir(parents=True)
    for number in range(count):
        random = np.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, CLASSES, (8, 8), dtype=np.uint8))
        coarse.resize((width, height), Image.Resampling.NEAREST).save(root / f"labels/{number}.png")
        noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"photos/{number}.png")
    classes = tuple(SemanticClass(id, f"class {id}", (id, 255 - id, 128)) for id in range(CLASSES))
    Ontology("drawn", classes).write(root / "ontology.json")


def try_one(options: argparse.Namespace, root: Path) -> None:
    """Prints images per second and MiB as JSON."""
    preset = PRESETS[options.system][options.preset]
    config = replace(for_classes(preset.config, CLASSES, None), perceptual_weight=0.0)
    geometry = Preprocess("fixed", crop_size=config.width, aspect_ratio=config.width / config.height)
    dataset = FolderDataset(root, settings=geometry)
    settings = Settings(workers=0, device=options.device, **WAYS[options.one])

    def make_system() -> System:
        system: Any = SYSTEMS[options.system]
        return system(config)

    tried = dry_run(make_system, replace(preset.recipe, batch_size=options.batch), dataset, settings, 1)
    assert tried is not None
    print(json.dumps([tried.images_per_second, tried.peak_memory]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", default="spade", choices=list(SYSTEMS))
    parser.add_argument("--preset", default="coco")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        try_one(options, options.data)
        return

    config = PRESETS[options.system][options.preset].config
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in options.ways}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "drawn"
        draw(root, options.batch, config.width, config.height)
        for _ in range(options.repeats):
            for way in options.ways:
                command = [sys.executable, __file__, *sys.argv[1:], "--one", way, "--data", str(root)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
                if done.returncode == 0:
                    found[way].append(tuple(json.loads(done.stdout.splitlines()[-1])))

    print(f"{options.system} {options.preset}, batch of {options.batch}, {options.repeats} repeats, {options.device}")
    for way, results in found.items():
        if not results:
            print(f"{way:22} failed (see above)")
            continue
        speeds, memory = zip(*results, strict=True)
        spread = f"{min(speeds):.2f} to {max(speeds):.2f}"
        print(f"{way:22} {statistics.median(speeds):7.2f} images/s ({spread})  {max(memory) / 1024:6.2f} GiB")


if __name__ == "__main__":
    main()
