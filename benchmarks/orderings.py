"""The papers' orderings in small: many small trainings with one budget, judged alike, as one table.

    python benchmarks/orderings.py paper --data camvid=CAMVID terrain=TERRAIN --judge camvid=SEG terrain=SEG
        --perceptual camvid=SEG terrain=SEG --images 40000 --out runs/orderings

`paper` is Tables 3 to 5 of SPADE: how the map enters (SPADE, concatenation, the input of a generator of convolutions
and norms), kernel 1 and 3, batch and instance norm, without the perceptual loss, without feature matching. `systems` is
SPADE, SPADE+, OASIS and CLADE. CamVid at 128x96, terrain at 128x128.

A cell is a row of the table, a data set and a seed. Each is trained, then evaluated by the judge, a segmenter trained
on photos that neither the model's losses nor the table saw (`spadework train-segmenter --fold judge`; `--fold loss`
makes the one for `--perceptual`). The first seed of all rows comes first. Both tables share the cells that they have in
common. What is done is kept: interrupted at any moment, the same command goes on, and `--table` shows how far it is.
Settings that move a number can't be changed.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from torch import Tensor
from tyro.conf import Positional

from spadework import cli
from spadework.atomic import write_json_atomic, write_text_atomic
from spadework.checkpoints import require_same
from spadework.choose import choose
from spadework.evaluation.compare import numbers_of
from spadework.hardware import hardware
from spadework.layers.initialization import initialize
from spadework.layers.normalization import CONV_NORMS
from spadework.log import read_log
from spadework.model_facts import read_facts
from spadework.semantics import Semantics
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.pix2pixhd import GlobalGenerator
from spadework.systems.spade import Spade, SpadeConfig


@dataclass(frozen=True)
class Row:
    """A training of the table."""

    system: str
    options: tuple[str, ...] = ()
    """Of `spadework train`, on top of what all rows share."""


@dataclass(frozen=True)
class Claim:
    """What a paper says about two rows: the first has the higher mean IoU."""

    better: str
    worse: str
    paper: str
    """Its numbers: mean IoU in percent, on COCO-Stuff, ADE20K, Cityscapes."""


@dataclass(frozen=True)
class Grid:
    """Rows, and what is claimed about them."""

    rows: Mapping[str, Row]
    claims: tuple[Claim, ...]


GRIDS: dict[str, Grid] = {
    "paper": Grid(
        {
            "SPADE": Row("spade"),
            "concat decoder": Row("spade", ("--variant", "concat")),
            "conv-norm generator": Row("conv-norm"),
            "kernel 1": Row("spade", ("--variant", "kernel-1")),
            "instance norm": Row("spade", ("--variant", "instance-norm")),
            "without perceptual": Row("spade", ("--variant", "without-perceptual")),
            "without feature matching": Row("spade", ("--variant", "without-feature-matching")),
        },
        (
            Claim("SPADE", "concat decoder", "35.2 38.5 62.3 against 31.9 33.6 61.1 (Table 3)"),
            Claim("SPADE", "conv-norm generator", "35.2 38.5 62.3 against 32.7 38.3 58.8 (Table 3)"),
            Claim("SPADE", "kernel 1", "35.2 38.5 62.3 against 32.7 35.9 59.9 (Table 4)"),
            Claim("SPADE", "instance norm", "33.7 37.9 61.8 (batch) against 33.9 37.4 58.7 (Table 4)"),
            Claim("SPADE", "without perceptual", "35.2 38.5 62.3 against 24.7 30.1 57.4 (Table 5)"),
            Claim("SPADE", "without feature matching", "35.2 38.5 62.3 against 33.2 38.0 62.2 (Table 5)"),
        ),
    ),
    "systems": Grid(
        {
            "SPADE": Row("spade"),
            "SPADE+": Row("spade-plus"),
            "OASIS": Row("oasis", ("--perceptual-weight", "0")),
            "CLADE": Row("clade"),
        },
        (
            Claim("SPADE+", "SPADE", "38.8 42.5 64.0 against 37.4 38.5 62.3 (OASIS, Table 1)"),
            Claim("OASIS", "SPADE+", "44.1 48.8 69.3 against 38.8 42.5 64.0 (OASIS, Table 1)"),
        ),
    ),
}
"""SPADE's own row has kernel 3 and batch norm."""

SIZES: dict[str, tuple[int, int]] = {"camvid": (128, 96), "terrain": (128, 128)}
"""Data set -> width and height."""


@dataclass(frozen=True)
class Options:
    """Small trainings with one budget, judged alike."""

    grid: Positional[Literal["paper", "systems"]]
    """Which rows."""
    data: tuple[str, ...]
    """camvid=FOLDER, terrain=FOLDER, or both."""
    judge: tuple[str, ...]
    """The segmenter that judges each data set: camvid=SEGMENTER."""
    perceptual: tuple[str, ...] = ()
    """The segmenter of each data set whose features the perceptual loss compares; without it no row has that loss."""
    out: Path = Path("runs/orderings")
    """Where everything goes: cells to DATA/ROW/SEED, tables beside them."""
    images: int = 20_000
    """Images that each training sees."""
    batch_size: int = 4
    """Images per iteration."""
    seeds: tuple[int, ...] = (0, 1)
    """One training each."""
    rows: tuple[str, ...] = ()
    """Only these rows, now."""
    more: tuple[str, ...] = ()
    """Further options of `spadework train` for all rows, written as one: generator-width=24."""
    diversity_maps: int = 16
    """Label maps whose pictures are made in several styles."""
    table: bool = False
    """Only print the table, as far as it is."""


@dataclass(frozen=True)
class Cell:
    """One training and its judgement."""

    row: str
    data: str
    seed: int
    folder: Path

    @property
    def path(self) -> Path:
        """What came out; there when all is done."""
        return self.folder / "cell.json"


# The baseline: no system of the library, so it is one here.


class ConvNormGenerator(GlobalGenerator):
    """pix2pixHD++'s generator in SPADE's place."""

    upsamplings = 4
    style_size = None

    def forward(self, semantics: Semantics, size: tuple[int, int], style: Tensor | None = None) -> Tensor:
        return super().forward(semantics, size)                             # [B, 3, H, W]


class ConvNorm(Spade):
    """SPADE's discriminator, objective and optimisation around a generator that sees the map at its input alone."""

    config: SpadeConfig

    def __init__(self, config: SpadeConfig) -> None:
        super().__init__(config)
        channels, norm = config.classes + config.edges, CONV_NORMS[config.norm]
        self.generator = ConvNormGenerator(channels, width=config.generator_width, norm=norm)  # type: ignore[assignment]
        initialize(self.generator, everywhere=config.initialization == "paper")


def add_baseline() -> None:
    """Let the commands know it, in this process."""
    SYSTEMS["conv-norm"] = ConvNorm
    PRESETS["conv-norm"] = PRESETS["spade"]
    VARIANTS["conv-norm"] = {}


# Filling cells.


def main(arguments: Sequence[str] | None = None) -> int:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    add_baseline()
    grid, places = GRIDS[options.grid], _by_data(options)
    for row in options.rows:
        choose(grid.rows, row, "row")
    all_cells = list(cells(grid, options))
    if not options.table:
        options.out.mkdir(parents=True, exist_ok=True)
        _require_same_settings(options.out / "settings.json", options)
    for cell in () if options.table else all_cells:
        if cell.path.is_file() or (options.rows and cell.row not in options.rows):
            continue
        print(f"\n{cell.data}, {cell.row}, seed {cell.seed}: {cell.folder}", flush=True)
        if code := fill(cell, grid.rows[cell.row], options, places):
            return code
        write_text_atomic(options.out / f"{options.grid}.md", table(grid, all_cells))
    text = table(grid, all_cells)
    print(f"\n{text}")
    return 0


def cells(grid: Grid, options: Options) -> Iterator[Cell]:
    """All of them, in the order in which they are filled."""
    for seed in options.seeds:
        for entry in options.data:
            data = entry.partition("=")[0]
            for row in grid.rows:
                yield Cell(row, data, seed, options.out / data / row.replace(" ", "-") / f"seed-{seed}")


def fill(cell: Cell, row: Row, options: Options, places: Mapping[str, Mapping[str, str]]) -> int:
    """Train and evaluate, or go on with it; returns the exit code of what failed, or 0."""
    run, report = cell.folder / "run", cell.folder / "report"
    data, judge, perceptual = (places[kind].get(cell.data) for kind in ("data", "judge", "perceptual"))
    assert data is not None and judge is not None
    shared = [*training_options(cell.data, options), *(["--perceptual-weight", "0"] if perceptual is None else [])]
    if perceptual is not None and row.system != "oasis":
        shared += ["--perceptual-weight", "10", "--perceptual", perceptual]
    train = ["train", row.system, *shared, *row.options, "--data", data, "--out", str(run), "--seed", str(cell.seed)]
    if code := cli.main([*train, "--images", str(options.images), "--resume"]):
        return code
    judging = ["--protocol", "own", "--segmenter", judge, "--processes", "1", "--seed", str(cell.seed)]
    variety = ["--diversity-maps", str(options.diversity_maps), "--diversity-styles", "4"]
    if code := cli.main(["evaluate", str(run), "--data", data, "--out", str(report), *judging, *variety]):
        return code
    write_json_atomic(cell.path, {**asdict(cell), "folder": str(cell.folder), "numbers": numbers(run, report)})
    return 0


def training_options(data: str, options: Options) -> list[str]:
    """What all rows share."""
    width, height = SIZES[data]
    said = ["--preset", "tiny", "--width", str(width), "--height", str(height), "--load-size", str(width * 9 // 8)]
    said += ["--batch-size", str(options.batch_size), "--preprocess", "resize_and_crop"]
    return said + [part for entry in options.more for part in (f"--{entry.partition('=')[0]}", entry.partition("=")[2])]


def numbers(run: Path, report: Path) -> dict[str, Any]:
    """What a cell's run and report say."""
    evaluation, lines = numbers_of(report)
    real = evaluation.report["numbers"]["segmentation"]["real_photos"]
    speed = {each["part"]: 1000 * each["seconds"] / each["pictures"] for each in evaluation.report["timings"]}
    return {
        **{line.name: line.values[0] for line in lines if line.values[0] is not None},
        "real photos": {"mean IoU": 100 * real["mean_iou"], "accuracy": 100 * real["accuracy"]},
        "images/s": statistics.median(line["images_per_second"] for line in read_log(run)),
        "ms per picture": speed.get("generating"),
        "parameters": read_facts("", run, shipped=False).parameters,
        "hardware": hardware("cpu") if not torch.cuda.is_available() else hardware("cuda"),
    }


def _by_data(options: Options) -> dict[str, dict[str, str]]:
    """Kind -> data set -> path; raises ValueError for a data set without judge."""
    found: dict[str, dict[str, str]] = {}
    for kind in ("data", "judge", "perceptual"):
        entries = [entry.partition("=") for entry in getattr(options, kind)]
        if wrong := [name for name, sign, _ in entries if not sign or name not in SIZES]:
            raise ValueError(f"--{kind} {wrong[0]}: expected {' or '.join(f'{name}=FOLDER' for name in SIZES)}")
        found[kind] = {name: path for name, _, path in entries}
    if missing := found["data"].keys() - found["judge"].keys():
        raise ValueError(f"--judge: who judges {', '.join(sorted(missing))}? Give {missing.pop()}=SEGMENTER")
    return found


def _require_same_settings(path: Path, options: Options) -> None:
    """Cells that are there were made with the same settings."""
    kept = ("images", "batch_size", "more", "diversity_maps", "judge", "perceptual", "data")
    settings = json.loads(json.dumps({name: getattr(options, name) for name in kept}))
    if path.is_file():
        require_same(json.loads(path.read_text()), settings)
    write_json_atomic(path, settings)


# The table.

METRICS: dict[str, tuple[int, float]] = {
    "mean IoU": (1, 1),
    "accuracy": (1, 1),
    "segmenter Fréchet": (2, 1),
    "diversity, levels": (2, 1),
    "images/s": (2, 1),
    "ms per picture": (0, 1),
    "parameters": (2, 1e-6),
}
"""Number -> digits, and what it is multiplied by."""


Found = Mapping[tuple[str, str, int], Mapping[str, Any]]
"""Data set, row and seed -> numbers."""


def table(grid: Grid, all_cells: Sequence[Cell]) -> str:
    """Markdown: a table for each data set, as far as cells are filled, then what became of the papers' claims."""
    found: Found = {
        (cell.data, cell.row, cell.seed): json.loads(cell.path.read_text())["numbers"]
        for cell in all_cells
        if cell.path.is_file()
    }
    seeds = sorted({cell.seed for cell in all_cells})
    parts = [f"{len(found)} of {len(all_cells)} cells are filled; means over seeds (lowest to highest)."]
    for data in dict.fromkeys(cell.data for cell in all_cells):
        width, height = SIZES[data]
        parts.append(f"**{data}, {width}x{height}**\n\n{_rows(grid, data, seeds, found)}")
        parts.append(_claims(grid, data, seeds, found))
    return "\n\n".join(parts) + "\n"


def _rows(grid: Grid, data: str, seeds: Sequence[int], found: Found) -> str:
    names = ["millions of parameters" if name == "parameters" else name for name in METRICS]
    lines = [f"| | {' | '.join(names)} | seeds |", "| --- |" + " ---: |" * (len(names) + 1)]
    for row in grid.rows:
        numbers = [found[data, row, seed] for seed in seeds if (data, row, seed) in found]
        shown = [_spread([each.get(name) for each in numbers], *form) for name, form in METRICS.items()]
        lines.append(f"| {row} | {' | '.join(shown)} | {len(numbers)} of {len(seeds)} |")

    # What the judge makes of the real photos, as a measure; the same ones for all rows.
    real: Mapping[str, float] = next(
        (one["real photos"] for (name, *_), one in found.items() if name == data and "real photos" in one), {}
    )
    shown = [_spread([real.get(name)], *form) for name, form in METRICS.items()]
    return "\n".join([*lines, f"| *real photos* | {' | '.join(shown)} | |"])


def _spread(values: Sequence[float | None], digits: int, scale: float) -> str:
    there = [scale * value for value in values if value is not None]
    if not there:
        return ""
    mean = f"{statistics.mean(there):.{digits}f}"
    low, high = (f"{end(there):.{digits}f}" for end in (min, max))
    return mean if low == high else f"{mean} ({low} to {high})"


def _claims(grid: Grid, data: str, seeds: Sequence[int], found: Found) -> str:
    """Mean IoU of both rows, seed by seed."""
    lines = ["| claim | in the paper | here: difference of mean IoU by seed | |", "| --- | --- | --- | --- |"]
    for claim in grid.claims:
        pairs = [(found.get((data, claim.better, seed)), found.get((data, claim.worse, seed))) for seed in seeds]
        differences = [a["mean IoU"] - b["mean IoU"] for a, b in pairs if a is not None and b is not None]
        shown = ", ".join(f"{difference:+.1f}" for difference in differences)
        lines.append(f"| {claim.better} above {claim.worse} | {claim.paper} | {shown} | {_verdict(differences)} |")
    return "\n".join(lines)


def _verdict(differences: Sequence[float]) -> str:
    if not differences:
        return "open"
    if all(difference > 0 for difference in differences):
        return "as in the paper" if len(differences) > 1 else "as in the paper, one seed"
    if all(difference < 0 for difference in differences):
        return "the other way round" if len(differences) > 1 else "the other way round, one seed"
    return "seeds disagree"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(f"error: {error}")
