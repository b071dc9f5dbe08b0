"""What the segmenter says class by class: bars, and which classes are taken for which.

Shapes: K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

import torch
from PIL import Image
from torch import Tensor

from spadework.evaluation.ground_truth import IGNORED
from spadework.evaluation.report import Report
from spadework.web_page import picture_uri

READABLE = 24
"""Up to so many classes the matrix is a table with numbers; above, a picture and a list of its largest entries."""
CONFUSIONS = 20
"""Largest entries that are listed."""
CELL = 4
"""Pixels of a cell's side in the picture."""


def class_bars(report: Report) -> Iterator[str]:
    """IoU of each class, the best first, with a mark for what real photos reach."""
    if report.fake is None or report.real is None or report.truth is None:
        return
    iou, ceiling = report.fake.scores.class_iou, report.real.scores.class_iou
    pixels = report.fake.matrix.sum(1)
    share = (pixels / max(int(pixels.sum()), 1)).tolist()
    order = sorted(range(len(iou)), key=lambda one: (math.isnan(iou[one]), -iou[one] if iou[one] == iou[one] else 0))
    absent = sum(math.isnan(value) for value in iou)
    yield "<section><h2>Classes</h2>"
    yield '<p class="soft">Intersection over union of each class. The bar is the pictures, the mark on it what real '
    yield f"photos reach at the same size{_absent(absent)}.</p>"
    yield '<div class="scroll"><table class="classes"><thead><tr><th class="left" scope="col">class</th>'
    yield '<th scope="col">IoU</th><th class="left" scope="col"><span class="hidden">bar</span></th>'
    yield '<th scope="col">real photos</th><th scope="col">share of pixels</th></tr></thead><tbody>'
    for one in order:
        if math.isnan(iou[one]):
            continue
        mark = "" if math.isnan(ceiling[one]) else f'<b style="left:{100 * ceiling[one]:.1f}%"></b>'
        yield f'<tr><th class="left" scope="row">{_swatch(report, one)}{escape(report.truth.classes[one])}</th>'
        yield f"<td>{100 * iou[one]:.1f} %</td>"
        bar = f'<i style="width:{100 * iou[one]:.1f}%"></i>{mark}'
        yield f'<td class="bar"><div class="against" aria-hidden="true">{bar}</div></td>'
        real = "–" if math.isnan(ceiling[one]) else f"{100 * ceiling[one]:.1f} %"
        yield f"<td>{real}</td><td>{100 * share[one]:.2f} %</td></tr>"
    yield "</tbody></table></div></section>"


def confusion_matrix(report: Report) -> Iterator[str]:
    """Rows of shares: what the segmenter took the pixels of each class for."""
    if report.fake is None or report.truth is None:
        return
    counts = report.fake.matrix.double()
    shares = counts / counts.sum(1, keepdim=True)                                           # NaN: an absent class
    present = [one for one in range(len(shares)) if not shares[one].isnan().any()]
    names = report.truth.classes
    yield "<section><h2>What is taken for what</h2>"
    yield '<p class="soft">Each row is a class of the label maps; its cells are the shares of its pixels that the '
    yield "segmenter took for the class of the column.</p>"
    if len(names) <= READABLE:
        yield from _matrix_table(shares, present, names)
    else:
        yield from _matrix_picture(shares, names)
    yield from _largest(report, shares, counts, present)
    yield "</section>"


def _matrix_table(shares: Tensor, present: list[int], names: tuple[str, ...]) -> Iterator[str]:
    yield '<div class="scroll"><table class="matrix"><thead><tr><th class="left" scope="col">taken for</th>'
    yield from (f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    yield "</tr></thead><tbody>"
    for row in present:
        yield f'<tr><th class="left" scope="row">{escape(names[row])}</th>'
        for column, share in enumerate(shares[row].tolist()):
            shown = f"{100 * share:.0f}" if share >= 0.005 else '<span class="soft">·</span>'
            right = ' class="right"' if row == column else ""
            dark = " data-dark" if share > 0.55 else ""
            yield f'<td{right}{dark} style="--share:{100 * share:.0f}%">{shown}</td>'
        yield "</tr>"
    yield '</tbody></table></div><p class="soft">Per cent.</p>'


def _matrix_picture(shares: Tensor, names: tuple[str, ...]) -> Iterator[str]:
    """White to teal, by the root of the share, so that small ones show; absent classes stay grey."""
    strength = shares.clamp(0, 1).sqrt()[..., None]                                         # [K, K, 1]
    low, high = torch.tensor([255.0, 255.0, 255.0]), torch.tensor([6.0, 84.0, 104.0])
    colors = low + (high - low) * strength                                                  # [K, K, 3]
    colors = torch.where(strength.isnan(), torch.tensor(214.0), colors).to(torch.uint8)
    picture = Image.fromarray(colors.numpy()).resize((CELL * len(names),) * 2, Image.Resampling.NEAREST)
    alt = f"Confusion matrix of {len(names)} classes; its largest entries off the diagonal are listed below."
    yield f'<figure class="heat"><img src="{picture_uri(picture, "PNG")}" alt="{alt}"><figcaption>Rows: classes of '
    yield "the label maps, in the segmenter's order, from the top; columns: what they are taken for, from the left. "
    yield "Darker is more, by the root of the share; grey rows occur nowhere.</figcaption></figure>"


def _largest(report: Report, shares: Tensor, counts: Tensor, present: list[int]) -> Iterator[str]:
    """The confusions that cost most pixels."""
    assert report.truth is not None
    names = report.truth.classes
    off = counts.clone().fill_diagonal_(0)
    worst = off.flatten().argsort(descending=True, stable=True)[:CONFUSIONS].tolist()
    cells = [(place // len(names), place % len(names)) for place in worst]
    total = counts.sum()
    yield f"<details{' open' if len(names) > READABLE else ''}><summary>The confusions that cost most pixels</summary>"
    yield '<div class="scroll"><table><thead><tr><th class="left" scope="col">class</th>'
    yield '<th class="left" scope="col">taken for</th><th scope="col">share of the class</th>'
    yield '<th scope="col">share of all pixels</th></tr></thead><tbody>'
    for row, column in cells:
        if off[row, column] > 0:
            yield f'<tr><td class="left">{escape(names[row])}</td><td class="left">{escape(names[column])}</td>'
            yield f"<td>{100 * shares[row, column]:.1f} %</td><td>{100 * counts[row, column] / total:.2f} %</td></tr>"
    yield "</tbody></table></div></details>"


def _absent(number: int) -> str:
    what = f"{number} class occurs" if number == 1 else f"{number} classes occur"
    return f"; {what} nowhere" if number else ""


def _swatch(report: Report, one: int) -> str:
    assert report.truth is not None
    for index, of_class in enumerate(report.truth.of_index):
        if of_class == one != IGNORED:
            return f'<i class="swatch" style="background:rgb({",".join(map(str, report.colors[index]))})"></i>'
    return '<i class="swatch"></i>'
