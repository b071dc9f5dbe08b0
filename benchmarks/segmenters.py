"""Measures how many photos a second each of the paper's segmenters labels, at the size that SPADE was judged at.

    python benchmarks/segmenters.py [--device cuda] [--threads 1] [--repeats 3] [--only drn-d-105]

Weights are random: they do not change the time. The segmenters take turns, photo by photo; printed are the median and
the range of the repeats, after one photo to warm up. With one thread on a CPU it is the processor's time that counts,
which other work on the machine hardly changes; else it is the clock's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from spadework.segmenters.deeplab_v2 import DeepLabV2
from spadework.segmenters.drn import SCALES, Drn
from spadework.segmenters.segmenter import Segmenter
from spadework.segmenters.upernet import UPerNet
from spadework.segmenters.upernet_input import SIZES

COCO, ADE20K, CITYSCAPES = ([f"class {number}" for number in range(count)] for count in (182, 150, 19))


def cases() -> dict[str, tuple[Segmenter, tuple[int, int]]]:
    """Name -> segmenter, and (height, width) of the photos."""
    upernet = UPerNet(ADE20K, preprocessing="ade20k")
    one_size = UPerNet(ADE20K, preprocessing="ade20k", sizes=SIZES["256"])
    return {
        "deeplab-v2": (DeepLabV2(COCO), (256, 256)),
        "upernet": (upernet, (256, 256)),
        "upernet, size 256": (one_size, (256, 256)),
        "drn-d-105": (Drn(CITYSCAPES), (256, 512)),
        "drn-d-105, multi-scale": (Drn(CITYSCAPES, scales=SCALES), (256, 512)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="the names that begin so")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    clock = time.process_time if options.device == "cpu" and options.threads == 1 else time.perf_counter

    chosen = {name: case for name, case in cases().items() if name.startswith(options.only)}
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    for segmenter, _ in chosen.values():
        segmenter.to(options.device)
    for repeat in range(options.repeats + 1):
        for name, (segmenter, size) in chosen.items():
            spent = time_one(segmenter, size, options.device, clock)
            if repeat:
                seconds[name].append(spent)

    print(f"{options.device}, {options.threads} threads, torch {torch.__version__}, {options.repeats} repeats")
    print("| segmenter | photo | seconds a photo: median (range) | photos a second |\n| --- | --- | --- | ---: |")
    for name, (_, (height, width)) in chosen.items():
        median = statistics.median(seconds[name])
        spread = f"{min(seconds[name]):.2f}..{max(seconds[name]):.2f}"
        print(f"| {name} | {width}x{height} | {median:.2f} ({spread}) | {1 / median:.3g} |")


def time_one(segmenter: Segmenter, size: tuple[int, int], device: str, clock: Callable[[], float]) -> float:
    """Seconds from a photo to its label map."""
    photo = torch.randint(256, (1, 3, *size), dtype=torch.uint8, device=device)
    start = clock()
    segmenter.predict(photo).cpu()
    return clock() - start


if __name__ == "__main__":
    main()
