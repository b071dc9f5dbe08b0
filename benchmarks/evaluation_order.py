"""Does an evaluation put pictures in the order that anybody would? Real photos, a model's, these for other label maps.

    python benchmarks/evaluation_order.py MODEL --data DATA --segmenter JUDGE --out FOLDER

Four evaluations on the same label maps: (a) the real photos, (b) the model's pictures, (c) the model's pictures under
the names of other label maps, (d) the real photos blurred. Mean IoU of (a) and (b) must be far above that of (c); the
Fréchet distance of (d) must lie between those of (a) and (c). Exits with 1 where it is not so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import ImageFilter

from spadework.cli import main as spadework
from spadework.data.folder import FolderDataset
from spadework.evaluation.compare import compare
from spadework.evaluation.folder import read_json
from spadework.evaluation.pictures import resized

BLUR = 1.0
"""Pixels: the deviation of the Gaussian that real photos are blurred with."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--segmenter", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", default="1")
    options = parser.parse_args()
    out = options.out

    # The model first: its size is that of all others.
    common = ["--data", options.data, "--split", options.split, "--segmenter", options.segmenter]
    common += ["--processes", options.processes, "--cache", str(out / "cache")]
    evaluate("model", options.model, out, common)
    width, height = read_json(out / "model" / "report.json")["size"]
    common += ["--size", str(width), str(height)]

    # Others' names for its pictures, and blurred photos.
    data = FolderDataset(options.data, split=options.split, training=False)
    for name in ("shuffled", "blurred"):
        (out / f"{name}-pictures").mkdir(exist_ok=True)
    for place in range(len(data)):
        other = data.name((place + len(data) // 3) % len(data))
        made = (out / "model" / "photos" / f"{other}.png").read_bytes()
        (out / "shuffled-pictures" / f"{data.name(place)}.png").write_bytes(made)
        photo, _, _ = data.read(place)
        assert photo is not None
        soft = resized(photo, (width, height)).filter(ImageFilter.GaussianBlur(BLUR))
        soft.save(out / "blurred-pictures" / f"{data.name(place)}.png")
    evaluate("real", options.data, out, common)
    evaluate("shuffled", str(out / "shuffled-pictures"), out, common)
    evaluate("blurred", str(out / "blurred-pictures"), out, common)
    return verdict(out)


def evaluate(name: str, subject: str, out: Path, options: list[str]) -> None:
    print(f"\n{name}")
    if spadework(["evaluate", subject, "--out", str(out / name), *options]):
        raise SystemExit(f"{name} could not be evaluated")


def verdict(out: Path) -> int:
    """The table, and whether it is as it must be."""
    names = ("real", "model", "shuffled", "blurred")
    found = compare([out / name for name in names])
    lines = {line.name: line for line in found.lines}
    print(f"\n| | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
    for line in found.lines:
        cells = ["" if value is None else f"{value:.{line.digits}f}{line.unit}" for value in line.values]
        for place, interval in enumerate(line.intervals):
            if interval is not None:
                cells[place] += f" ({interval.low:.{line.digits}f} to {interval.high:.{line.digits}f})"
        print(f"| {line.name} | {' | '.join(cells)} |")

    iou = dict(zip(names, lines["mean IoU"].values, strict=True))
    frechet = dict(zip(names, lines["segmenter Fréchet"].values, strict=True))
    expected = {
        "mean IoU of real photos is at least twice that of shuffled ones": iou["real"] > 2 * iou["shuffled"],
        "mean IoU of the model is at least twice that of its shuffled pictures": iou["model"] > 2 * iou["shuffled"],
        "distance of blurred photos is above that of real ones": frechet["blurred"] > frechet["real"],
        "distance of blurred photos is below that of shuffled pictures": frechet["blurred"] < frechet["shuffled"],
    }
    for what, true in expected.items():
        print(f"{'yes' if true else 'NO '}  {what}")
    return 0 if all(expected.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
