"""`spadework ship`: a trained model as a folder to give away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from spadework.atomic import readable_bytes
from spadework.evaluation.compare import numbers_of
from spadework.shipping.ship import SPREAD, Words
from spadework.shipping.ship import ship as ship_model


@dataclass(frozen=True)
class Ship:
    """Write a model to give away: weights in half precision, a card, label maps and styles to begin with."""

    model: Positional[str]
    """The run folder, a model folder, or the name of a model."""
    data: list[str]
    """Data folders or shards that it was trained on: examples and styles come from their split val or test."""
    out: Path
    """The folder to write."""
    licence: str
    """What others may do with it, as the hub writes licences: apache-2.0, cc-by-nc-sa-4.0, ..."""
    about_data: str
    """What it was trained on, in words, for the card."""
    limits: str = "Nobody has written them down yet."
    """What it does badly, in words, for the card."""
    name: str | None = None
    """What the card calls it; the folder's name unless given."""
    report: Path | None = None
    """An evaluation of it, or of the folder that this command wrote before (the folder with report.json): its numbers
    go into the card."""
    examples: Path | None = None
    """A folder of label maps (PNG) to go along; some of the data unless given."""
    example_count: int = 8
    """How many of the data."""
    styles: int = 12
    """Styles to go along, those of photos that differ most; for models that take styles from photos."""
    style_spread: float = SPREAD
    """How far the styles that seeds draw lie from the mean style: 1 as far as those of the photos, less is calmer."""
    fill_unlabelled: bool = False
    """Unlabelled pixels will take the class of the nearest labelled one: where no photo had any, nothing was learnt."""


def ship(arguments: Sequence[str]) -> None:
    """Write the folder and say what is in it."""
    options = tyro.cli(Ship, prog="spadework ship", args=list(arguments))
    words = Words(
        options.name or options.out.resolve().name,
        options.licence,
        options.about_data,
        options.limits,
        *(() if options.report is None else _metrics(options.report)),
    )
    shipped = ship_model(
        options.model,
        options.out,
        words,
        options.data,
        examples=options.examples,
        example_count=options.example_count,
        style_count=options.styles,
        style_spread=options.style_spread,
        fill_unlabelled=options.fill_unlabelled,
    )
    largest, mean = shipped.half
    print(
        f"{options.out}: {readable_bytes(shipped.bytes)} of weights in half precision, {shipped.examples} examples, "
        f"{shipped.styles} styles. Pictures differ by {mean:.2f} of 255 in the mean, {largest:.0f} at most"
    )


def _metrics(report: Path) -> tuple[list[tuple[str, str]], str, str]:
    """Names and values of an evaluation, what they were measured on, and of which weights."""
    evaluation, lines = numbers_of(report)
    subject = evaluation.report["subject"]
    if subject["kind"] != "model":
        raise ValueError(f"{report}: it judges given pictures, not a model: which weights made them it can't tell")
    metrics = []
    for line in lines:
        value = line.values[0]
        if value is None:
            continue
        real = "" if line.ceiling is None else f" (real photos {line.ceiling:.{line.digits}f}{line.unit})"
        metrics.append((line.name, f"{value:.{line.digits}f}{line.unit}{real}"))
    said = evaluation.report
    judge = f", judged by the segmenter {said['segmenter']['name']}" if said.get("segmenter") else ""
    measured_on = f"{said['pictures']} label maps, protocol {said['protocol']['name']}{judge}."
    return metrics, measured_on, subject["weights_sha256"]
