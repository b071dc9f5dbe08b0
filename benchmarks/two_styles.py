"""One label map under two styles: whether the layout stays while the look changes, beside the renderer's own styles.

    python benchmarks/two_styles.py MODEL --data TERRAIN --split test --segmenter JUDGE

TERRAIN is a data folder of `spadework terrain --styles 2` or more, whose photos of one layout are called NAME_s0,
NAME_s1. For each layout the model makes a photo by each of two seeds. Reported, as means over layouts with 95 %
bootstrap intervals, for the model's two photos and for the renderer's two:

- agreement: the share of the pixels to which an independent segmenter gives the same class in both photos;
- difference: the mean absolute difference of the two photos, in levels of 0..255;
- colours: the Wasserstein distance between their colours, in CIELAB units (about 2 is just noticeable).

The renderer's agreement is what a perfect model would reach with this segmenter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

import spadework
from spadework.data.label_map import photo_to_tensor, read_label_map, read_photo
from spadework.evaluation.bootstrap import mean_interval
from spadework.evaluation.style import color_distance, look
from spadework.evaluation.variety import MeanDifference
from spadework.segmenters.own import OwnSegmenter
from spadework.synthesizer import Synthesizer

MEASURES = ("agreement", "difference", "colours")


def layouts(split: Path) -> list[tuple[Path, Path, Path]]:
    """The label map of each layout, and its first two photos."""
    found = []
    for label_map in sorted((split / "labels").glob("*_s0.png")):
        name = label_map.stem.removesuffix("_s0")
        photos = [next(iter((split / "photos").glob(f"{name}_s{style}.*")), None) for style in (0, 1)]
        if photos[0] and photos[1]:
            found.append((label_map, photos[0], photos[1]))
    if not found:
        raise SystemExit(f"{split}: no photos NAME_s0 and NAME_s1 there; draw some: spadework terrain --styles 2")
    return found


def bytes_of(photo: Tensor) -> Tensor:
    """[3, H, W] in [-1, 1] -> uint8 [1, 3, H, W]."""
    return ((photo.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)[None]


def compare(a: Tensor, b: Tensor, segmenter: OwnSegmenter) -> list[float]:
    """The MEASURES of two photos, uint8 [1, 3, H, W]."""
    agreement = (segmenter.predict(a) == segmenter.predict(b)).double().mean()
    difference = MeanDifference().pairs(torch.cat([a, b]))[0]
    return [float(agreement), float(difference), color_distance(look(a), look(b))]


def measure(synthesizer: Synthesizer, segmenter: OwnSegmenter, files: list[tuple[Path, Path, Path]]) -> Tensor:
    """[layouts, 2, MEASURES]: of the model's photos, and of the renderer's."""
    rows = []
    for number, (label_map, *photos) in enumerate(tqdm(files, unit="layouts")):
        labels = read_label_map(label_map, synthesizer.ontology)[None]
        made = [bytes_of(synthesizer.batch(labels, seed=2 * number + i)[0]) for i in (0, 1)]
        drawn = [bytes_of(photo_to_tensor(read_photo(photo))) for photo in photos]
        rows.append([compare(*made, segmenter), compare(*drawn, segmenter)])
    return torch.tensor(rows, dtype=torch.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--segmenter", type=Path, required=True)
    parser.add_argument("--count", type=int, help="layouts; all unless given")
    options = parser.parse_args()

    files = layouts(options.data / options.split)[: options.count]
    values = measure(spadework.load(options.model), OwnSegmenter.read(options.segmenter), files)
    print(f"{len(files)} layouts\n\n| two styles of | {' | '.join(MEASURES)} |\n| --- | --- | --- | --- |")
    for who, column in (("the model", values[:, 0]), ("the renderer", values[:, 1])):
        intervals = [(float(one.mean()), mean_interval(one, seed=0)) for one in column.T]
        print(f"| {who} | {' | '.join(f'{mean:.3f} ({i.low:.3f}-{i.high:.3f})' for mean, i in intervals)} |")


if __name__ == "__main__":
    main()
