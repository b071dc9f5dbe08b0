"""The grid of small trainings: which cells there are, what the table says of those that are filled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.orderings import GRIDS, Cell, ConvNorm, Options, cells, main, table, training_options
from spadework.layers.inference import ready_for_inference
from tests import tiny

OPTIONS = Options("paper", ("terrain=T", "camvid=C"), ("terrain=J", "camvid=J"), seeds=(0, 1))


def fill(cell: Cell, mean_iou: float) -> None:
    cell.folder.mkdir(parents=True)
    numbers = {"mean IoU": mean_iou, "parameters": 2_500_000, "images/s": 3.0, "real photos": {"mean IoU": 51.0}}
    cell.path.write_text(json.dumps({"numbers": numbers}))


def test_the_first_seed_of_all_rows_comes_first(tmp_path: Path) -> None:
    grid = GRIDS["paper"]
    found = list(cells(grid, replace(OPTIONS, out=tmp_path)))
    assert len(found) == len({cell.folder for cell in found}) == 2 * 2 * len(grid.rows)
    assert [cell.seed for cell in found] == sorted(cell.seed for cell in found)
    assert {claim.better for claim in grid.claims} | {claim.worse for claim in grid.claims} == set(grid.rows)


def test_tables_share_the_cells_that_they_have_in_common(tmp_path: Path) -> None:
    paper, systems = (
        {cell.folder: grid.rows[cell.row] for cell in cells(grid, replace(OPTIONS, out=tmp_path))}
        for grid in (GRIDS["paper"], GRIDS["systems"])
    )
    common = paper.keys() & systems.keys()
    assert {folder.parent.name for folder in common} == {"SPADE"} and len(common) == 2 * 2
    assert all(paper[folder] == systems[folder] for folder in common)


def test_the_table_as_far_as_it_is(tmp_path: Path) -> None:
    grid = GRIDS["paper"]
    found = {(cell.data, cell.row, cell.seed): cell for cell in cells(grid, replace(OPTIONS, out=tmp_path))}
    for (row, seed), value in {
        ("SPADE", 0): 60.0, ("SPADE", 1): 62.0, ("kernel 1", 0): 59.0, ("kernel 1", 1): 57.0,
        ("concat decoder", 0): 61.0, ("instance norm", 0): 59.0, ("instance norm", 1): 64.0,
    }.items():  # fmt: skip
        fill(found["terrain", row, seed], value)
    text = table(grid, list(found.values()))
    assert text.startswith("7 of 28 cells are filled")
    assert "| SPADE | 61.0 (60.0 to 62.0) |" in text and "| 2.50 | 2 of 2 |" in text
    terrain, _, camvid = text.partition("**camvid")
    assert "| *real photos* | 51.0 |" in terrain and "| *real photos* |  |" in camvid
    for claim, verdict in {
        "SPADE above kernel 1": "+1.0, +5.0 | as in the paper |",
        "SPADE above concat decoder": "-1.0 | the other way round, one seed |",
        "SPADE above instance norm": "+1.0, -2.0 | seeds disagree |",
        "SPADE above without perceptual": " |  | open |",
    }.items():
        line = next(line for line in terrain.splitlines() if line.startswith(f"| {claim} |"))
        assert line.endswith(verdict), line


def test_what_all_rows_share() -> None:
    assert training_options("camvid", Options("paper", (), (), more=("generator-width=24",)))[2:] == [
        *("--width", "128", "--height", "96", "--load-size", "144", "--batch-size", "4"),
        *("--preprocess", "resize_and_crop", "--generator-width", "24"),
    ]


def test_wrong_input() -> None:
    with pytest.raises(ValueError, match=r"--judge: who judges terrain\? Give terrain=SEGMENTER"):
        main(["paper", "--data", "terrain=T", "--judge", "camvid=J"])
    with pytest.raises(ValueError, match=r"--data moon: expected camvid=FOLDER or terrain=FOLDER"):
        main(["paper", "--data", "moon", "--judge", "camvid=J"])
    with pytest.raises(ValueError, match=r"row 'kernel 2' is unknown; did you mean 'kernel 1'\?"):
        main(["paper", "--data", "camvid=C", "--judge", "camvid=J", "--rows", "kernel 2"])


def test_the_baseline_makes_pictures_of_its_size() -> None:
    """In training and as it is loaded for generating, the same ones."""
    system = tiny.lively(ConvNorm(tiny.config(height=32, width=64)))
    batch = tiny.batch(1, 32, 64)
    with torch.no_grad():
        photo = system.synthesize(batch, None)
        system.generator = ready_for_inference(system.generator)
        assert photo.shape == (1, 3, 32, 64)
        torch.testing.assert_close(system.synthesize(batch, None), photo, rtol=1e-3, atol=1e-3)
