"""What a terrain picture costs: layouts, photos, and both with writing.

    python benchmarks/terrain.py --size 256 --layouts 12 --styles 4
    python benchmarks/terrain.py --device cuda --size 256 --layouts 50 --styles 4
    python benchmarks/terrain.py --write --processes 2

Times are medians over layouts, after one that warms up; CPU seconds are user time, which other work on the machine
changes little.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch

from spadework.terrain import Layout, Style
from spadework.terrain.write import Order, style_seed, write_terrain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--layouts", type=int, default=12)
    parser.add_argument("--styles", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="measure a data folder instead, with --processes")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.write:
        measure_writing(arguments)
    else:
        measure_drawing(arguments)


def measure_drawing(arguments: argparse.Namespace) -> None:
    """Each layout and photo by itself, in this process."""
    layouts: list[tuple[float, float]] = []
    photos: list[tuple[float, float]] = []
    for seed in range(arguments.layouts + 1):
        begin = clock(arguments.device)
        layout = Layout.draw(seed, (arguments.size, arguments.size), device=arguments.device)
        _ = layout.label_map, layout.instance_map
        drawn = clock(arguments.device)
        for number in range(arguments.styles):
            layout.photo(Style.draw(style_seed(seed, number)))
        end = clock(arguments.device)
        if seed > 0:
            layouts.append(difference(begin, drawn))
            photos.append(tuple(value / arguments.styles for value in difference(drawn, end)))  # type: ignore[arg-type]
    for name, times in (("layout", layouts), ("photo", photos)):
        wall, cpu = (sorted(column) for column in zip(*times, strict=True))
        print(
            f"{name}: {statistics.median(wall):.3f} s ({wall[0]:.3f} to {wall[-1]:.3f}), "
            f"{statistics.median(cpu):.3f} CPU s ({cpu[0]:.3f} to {cpu[-1]:.3f})"
        )
    wall, cpu = (
        statistics.mean(one[i] / arguments.styles + other[i] for one, other in zip(layouts, photos, strict=True))
        for i in (0, 1)
    )
    print(f"per picture, {arguments.styles} styles a layout: {wall:.3f} s, {cpu:.3f} CPU s; {60 / wall:.0f} a minute")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory at most {peak:.0f} MiB", end="")
    print(f", on the GPU {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB" if arguments.device == "cuda" else "")


def measure_writing(arguments: argparse.Namespace) -> None:
    """A data folder from start to end; CPU time and memory are of this process, so they are told for one only."""
    size = (arguments.size, arguments.size)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.processes == 1:  # what is made once per process is made before
            write_terrain(Order(1, size, styles=1), Path(folder) / "first")
        order = Order(arguments.layouts, size, seed=10_000, styles=arguments.styles)
        begin, cpu = time.perf_counter(), time.process_time()
        write_terrain(order, Path(folder) / "data", processes=arguments.processes)
        wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    pictures = order.count * order.styles
    print(
        f"{pictures} pictures in {wall:.1f} s with {arguments.processes} processes: {60 * pictures / wall:.0f} a minute"
    )
    if arguments.processes == 1:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{cpu / pictures:.3f} CPU s per picture; memory at most {peak:.0f} MiB")


def clock(device: str) -> tuple[float, float]:
    """Wall and CPU time, once the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter(), time.process_time()


def difference(begin: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    return end[0] - begin[0], end[1] - begin[1]


if __name__ == "__main__":
    main()
