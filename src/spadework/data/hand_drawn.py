"""Samples whose label maps look as if somebody had drawn them: crude, flat, with gaps, and with things out of place.

People's label maps differ from a segmenter's, and no photo belongs to them. So what is learnt from has to be made of
real pairs, in two ways. Where the map shows what photos seldom do, the photo follows: a part is enlarged, moved, or the
picture stands on its head, and map and photo agree to the pixel. Where the map is drawn crudely the photo stays: what
is left unlabelled claims nothing, and outlines may be wrong at a few pixels only (`TOLERANCE`).

All of it works on packed samples. Shapes: H W the sample's size, K classes that occur.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from spadework.draw import Draw
from spadework.regions import number_regions
from spadework.sample import Sample

TOLERANCE = 0.12
"""Share of the pixels that may change their class where the photo doesn't follow."""

PURE = 0.97
"""Share of the pixels from which on a part of a picture shows one class alone."""
PARTS = (0.8, 0.65, 0.5, 0.4)
"""How wide and high parts are that are enlarged, as shares of the picture."""


def hand_drawn(sample: Sample, draw: Draw, share: float, unlabelled: int | None) -> Sample:
    """A packed sample, or with probability `share` the same one as if its label map had been drawn by hand.

    `unlabelled` is the class index that holes get; without one there are none. An instance map becomes the regions of
    the new label map: who draws classes gives no objects.
    """
    if float(draw.uniform("hand-drawn")) >= share:
        return sample

    # What is shown where: the photo follows.
    scene = SCENES[int(draw.integer("scene", len(SCENES)))]
    sample = scene(sample, draw)

    # How it is drawn: the photo stays. A scene that is unusual already may be drawn exactly, and keeps what was moved.
    hands = (() if scene is moved else CRUDE) + (() if unlabelled is None else OPEN)
    fewest = 1 if scene is unchanged else 0
    count = fewest + int(draw.integer("hands", 3 - fewest))
    drawn = label_map = sample.label_map
    for index in draw.permutation("which hands", len(hands))[0, :count].tolist():
        drawn = hands[index](drawn, draw, unlabelled)
    if drawn is label_map:
        return sample
    objects = None if sample.instance_map is None else drawn.to(sample.instance_map.dtype)
    return replace(sample, label_map=drawn, instance_map=objects)


# What is shown where: sample -> sample, the photo follows.


def unchanged(sample: Sample, draw: Draw) -> Sample:
    """What the photo shows."""
    return sample


def enlarged(sample: Sample, draw: Draw) -> Sample:
    """A part of the picture that shows one class most nearly alone, at full size: as wide as it can be.

    The last few pixels of other classes join it: a label map of one class.
    """
    height, width = sample.label_map.shape
    top, left, rows, columns = _pure(sample.label_map, draw)

    # The map by nearest neighbour, then without what is too little to see.
    y = top + (2 * torch.arange(height) + 1) * rows // (2 * height)
    x = left + (2 * torch.arange(width) + 1) * columns // (2 * width)
    label_map = sample.label_map[y[:, None], x]
    pixels = torch.bincount(label_map.flatten().long())
    if pixels.max() >= PURE * label_map.numel():
        label_map = torch.full_like(label_map, int(pixels.argmax()))

    photo = sample.photo
    if photo is not None:
        box = (left, top, left + columns, top + rows)
        picture = Image.fromarray(photo.permute(1, 2, 0).contiguous().numpy())
        large = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box))
        photo = torch.from_numpy(large.transpose(2, 0, 1).copy())                           # [3, H, W]
    objects = None if sample.instance_map is None else sample.instance_map[y[:, None], x]
    return replace(sample, label_map=label_map, photo=photo, instance_map=objects)


def moved(sample: Sample, draw: Draw) -> Sample:
    """A piece of one class, cut out of map and photo, lies somewhere else: a class where it never occurs."""
    label_map = sample.label_map
    height, width = label_map.shape
    here = label_map == _any_class(label_map, "which class", draw)
    pixels = here.flatten().nonzero()
    place = int(pixels[int(draw.integer("from where", len(pixels)))])
    piece = here & _blob(label_map.shape, (place // width, place % width), 0.15, 0.4, "piece", draw)
    down = int(draw.integer("how far down", height)) - place // width
    right = int(draw.integer("how far right", width)) - place % width

    # Cut off what would lie beyond the edge.
    y, x = piece.nonzero(as_tuple=True)                                                     # [pixels of the piece]
    inside = (y + down >= 0) & (y + down < height) & (x + right >= 0) & (x + right < width)
    y, x = y[inside], x[inside]

    def with_piece(maps: Tensor | None) -> Tensor | None:
        if maps is None:
            return None
        result = maps.clone()
        result[..., y + down, x + right] = maps[..., y, x]
        return result

    label_map = label_map.clone()
    label_map[y + down, x + right] = sample.label_map[y, x]
    photo, objects = with_piece(sample.photo), with_piece(sample.instance_map)
    return replace(sample, label_map=label_map, photo=photo, instance_map=objects)


def upside_down(sample: Sample, draw: Draw) -> Sample:
    """The picture on its head: water above, sky below."""
    photo = None if sample.photo is None else sample.photo.flip(1)
    objects = None if sample.instance_map is None else sample.instance_map.flip(0)
    return replace(sample, label_map=sample.label_map.flip(0), photo=photo, instance_map=objects)


# How it is drawn: label map -> label map, the photo stays.


def blobby(label_map: Tensor, draw: Draw, unlabelled: int | None = None) -> Tensor:
    """Outlines as of a thick brush: each pixel takes the class that prevails around it."""
    height, width = label_map.shape
    cells = 10 + int(draw.integer("cells", 30))  # across the shorter side
    for finer in (1, 2, 4):
        size = max(min(height, width) // (cells * finer), 2)
        smooth = _prevailing(label_map, size)
        if _changed(smooth, label_map) <= TOLERANCE:
            return smooth
    return label_map


def flat(label_map: Tensor, draw: Draw, unlabelled: int | None = None) -> Tensor:
    """Few large areas: what is smaller than one to six percent of the picture joins what prevails around it."""
    numbers = torch.from_numpy(number_regions(label_map.numpy()))                           # [H, W] from 1 on
    sizes = torch.bincount(numbers.flatten()).double() / label_map.numel()
    largest = 0.01 + 0.05 * float(draw.uniform("largest region that is left out"))

    # The smallest first, as many as may go.
    order = sizes.argsort()
    out = (sizes[order] < largest) & (sizes[order].cumsum(0) <= TOLERANCE)
    gone = torch.zeros_like(sizes, dtype=torch.bool).index_fill_(0, order[out], True)[numbers]
    if not gone.any() or gone.all():
        return label_map
    height, width = label_map.shape
    around = _prevailing(label_map, max(min(height, width) // 8, 2), without=gone)
    return torch.where(gone, around, label_map)


def gaps(label_map: Tensor, draw: Draw, unlabelled: int | None) -> Tensor:
    """Strokes that don't meet: a strip along the outlines, wide here and narrow there, is unlabelled."""
    assert unlabelled is not None
    height, width = label_map.shape
    reach = max(round((0.01 + 0.04 * float(draw.uniform("width of gaps"))) * min(height, width)), 1)
    values = label_map[None, None].float()
    highest, lowest = values, -values
    for sides in ((2 * reach + 1, 1), (1, 2 * reach + 1)):
        border = (sides[0] // 2, sides[1] // 2)
        highest, lowest = (F.max_pool2d(each, sides, 1, border) for each in (highest, lowest))
    edge = (highest != -lowest)[0, 0] & (_field(label_map.shape, 6, "where gaps are", draw) > -0.3)
    return label_map.masked_fill(edge, unlabelled)


def holes(label_map: Tensor, draw: Draw, unlabelled: int | None) -> Tensor:
    """One to three areas that nobody has drawn on."""
    assert unlabelled is not None
    height, width = label_map.shape
    for number in range(1 + int(draw.integer("number of holes", 3))):
        y, x = draw.uniform(f"centre of hole {number}", 2)[0].tolist()
        hole = _blob(label_map.shape, (int(y * height), int(x * width)), 0.08, 0.35, f"hole {number}", draw)
        label_map = label_map.masked_fill(hole, unlabelled)
    return label_map


SCENES: tuple[Callable[[Sample, Draw], Sample], ...] = (unchanged, unchanged, enlarged, enlarged, moved, upside_down)
"""What is shown where, by how often."""
Hand = Callable[[Tensor, Draw, int | None], Tensor]
CRUDE: tuple[Hand, ...] = (blobby, flat)
"""Ways to draw that change classes, within `TOLERANCE`."""
OPEN: tuple[Hand, ...] = (gaps, holes)
"""Ways to draw that leave pixels unlabelled."""


# What these are made of.


def _prevailing(label_map: Tensor, size: int, without: Tensor | None = None) -> Tensor:
    """[H, W]: the class that prevails around each pixel, in soft cells of `size` pixels; `without` [H, W] don't count.

    Where cells hold nothing that counts, larger ones decide, and at last the whole picture.
    """
    counts = label_map if without is None else label_map[~without]
    classes = torch.bincount(counts.flatten().long()).nonzero()[:, 0].to(label_map.dtype)   # [K]
    votes = (label_map == classes[:, None, None])[None].float()                             # [1, K, H, W]
    if without is not None:
        votes = votes * ~without
    total = votes.mean((2, 3), keepdim=True) * 1e-4
    for side, weight in ((size, 1.0), (4 * size, 1e-2)) if without is not None else ((size, 1.0),):
        rows, columns = (max(round(length / side), 1) for length in label_map.shape)
        cells = F.adaptive_avg_pool2d(votes, (rows, columns))
        total = total + weight * F.interpolate(cells, label_map.shape, mode="bilinear")
    return classes[total[0].max(0).indices]  # argmax is far slower on a CPU


def _pure(label_map: Tensor, draw: Draw) -> tuple[int, int, int, int]:
    """Top, left, rows and columns of the widest of `PARTS` that shows one class alone, any that can be shown so.

    Where none can, the smallest part that comes nearest.
    """
    height, width = label_map.shape
    step = max(min(height, width) // 32, 1)
    coarse = label_map[step // 2 :: step, step // 2 :: step]
    classes = torch.bincount(coarse.flatten().long()).nonzero()[:, 0]
    votes = (coarse == classes[:, None, None]).float()                                      # [K, h, w]
    sides = [[max(round(part * length), 1) for length in coarse.shape] for part in PARTS]
    shares = [F.avg_pool2d(votes, side, 1) for side in sides]                               # [K, places] for each part

    # Any class that can be alone, then the widest part where it is, then any such place.
    best = torch.stack([each.amax((1, 2)) for each in shares])                              # [parts, K]
    able = (best[-1] >= min(PURE, float(best[-1].max()))).nonzero()[:, 0]
    chosen = able[int(draw.integer("class to enlarge", len(able)))]
    part = next((i for i in range(len(PARTS)) if best[i, chosen] >= PURE), len(PARTS) - 1)
    places = (shares[part][chosen] >= min(PURE, float(best[part, chosen]))).nonzero()
    y, x = places[int(draw.integer("place to enlarge", len(places)))].tolist()
    rows, columns = (max(round(PARTS[part] * length), 1) for length in (height, width))
    return min(y * step, height - rows), min(x * step, width - columns), rows, columns


def _any_class(label_map: Tensor, purpose: str, draw: Draw) -> int:
    """One of the classes that fill a hundredth of the picture, each as likely as the other."""
    shares = torch.bincount(label_map.flatten().long()) / label_map.numel()
    classes = (shares >= min(0.01, float(shares.max()))).nonzero()[:, 0]
    return int(classes[int(draw.integer(purpose, len(classes)))])


def _blob(
    size: torch.Size, centre: tuple[int, int], smallest: float, largest: float, purpose: str, draw: Draw
) -> Tensor:
    """[H, W] bool: a round area with an uneven outline; its radii lie between these shares of the sides."""
    tall, wide = (smallest + (largest - smallest) * draw.uniform(f"radii of {purpose}", 2)[0]).tolist()
    y = (torch.arange(size[0]) - centre[0]) / (tall * size[0])
    x = (torch.arange(size[1]) - centre[1]) / (wide * size[1])
    distance = y[:, None] ** 2 + x**2
    return distance + 0.5 * _field(size, 8, f"outline of {purpose}", draw) < 1


def _field(size: torch.Size, cells: int, purpose: str, draw: Draw) -> Tensor:
    """[H, W]: a smooth random field, so many cells across; about standard normal."""
    coarse = draw.normal(purpose, 1, cells, cells)
    return F.interpolate(coarse, size, mode="bilinear")[0, 0]


def _changed(label_map: Tensor, before: Tensor) -> float:
    return float((label_map != before).float().mean())
