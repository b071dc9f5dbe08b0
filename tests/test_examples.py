"""The examples run, and the pages that hold their numbers and settings are true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from examples import demo, figure1, figure3, over_time, side_by_side
from spadework import shipped_models
from spadework.contact_sheet import GAP, contact_sheet
from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.data.shipped import shipped_ontology
from spadework.layers.normalization import CONV_NORMS
from spadework.model_folder import write_model
from spadework.systems.pix2pixhd import GlobalGenerator
from spadework.systems.spade import Spade
from spadework.systems.spade_presets import PRESETS, VARIANTS
from tests import tiny
from tests.systems.weightless import weightless

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "paper-and-code.md").read_text(encoding="utf-8")

# Figure 3: uniform maps.

SMALL = figure3.Options(size=64, width=4, seeds=2)


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], list[figure3.Result]]:
    return figure3.experiment(SMALL)


def test_spade_tells_uniform_maps_apart_and_norms_alone_do_not(
    results: dict[tuple[str, str], list[figure3.Result]],
) -> None:
    washed, kept = (results["uniform", name] for name in ("conv + norm", "SPADE"))
    assert len(washed) == len(kept) == SMALL.seeds
    assert min(run.difference for run in kept) > 0.1
    assert min(run.difference for run in kept) > 10 * max(run.difference for run in washed)


def test_what_float32_shows_of_washed_away_maps_is_rounding_noise(
    results: dict[tuple[str, str], list[figure3.Result]],
) -> None:
    for run in results["uniform", "conv + norm"]:
        assert run.float32 < 4 * run.noise + 1e-3
    for name in figure3.GENERATORS:
        for run in results["halves", name]:
            assert run.float32 == pytest.approx(run.difference, rel=1e-2)
            assert run.noise < 1e-3


def test_both_generators_tell_maps_with_contrast_apart(
    results: dict[tuple[str, str], list[figure3.Result]],
) -> None:
    assert min(run.difference for name in figure3.GENERATORS for run in results["halves", name]) > 0.1


def test_the_label_is_lost_at_the_first_norm(results: dict[tuple[str, str], list[figure3.Result]]) -> None:
    for run in results["uniform", "conv + norm"]:
        assert len(run.depths) == 1 + 4 + 2 * 9 + 4
        assert max(run.depths) < 1e-6
    for run in results["uniform", "SPADE"]:
        assert len(run.depths) == 3 * 2 + 4 * 3
        assert min(run.depths) > 0.1


def test_figure3_writes_its_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "figure3.png"
    figure3.main(["--out", str(out), "--size", "64", "--width", "2", "--seeds", "1"])
    picture = Image.open(out)
    assert picture.size == (5 * (64 + GAP) + GAP, 4 * (64 + GAP) + GAP)
    printed = capsys.readouterr().out
    assert re.search(r"uniform +conv \+ norm +0 \(0 to 0\)", printed)
    assert "amplified" in printed

    # The first row: a blank difference; the second, SPADE's, is not.
    pixels = np.asarray(picture)
    blank, kept = (pixels[row : row + 64, -GAP - 64 : -GAP] for row in (GAP, 2 * GAP + 64))
    assert blank.max() == 0
    assert kept.mean() > 10


# The demo.


def test_landscapes_are_the_same_every_time() -> None:
    for index in (0, 7):
        first, second = demo.draw_landscape(index), demo.draw_landscape(index)
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(demo.draw_landscape(0)[0], demo.draw_landscape(1)[0])


def test_drawn_data_pass_the_library_s_own_check(tmp_path: Path) -> None:
    folder = demo.draw_data(tmp_path / "data", train=20, val=2)
    ontology = json.loads((folder / "ontology.json").read_text())
    assert [entry["name"] for entry in ontology["classes"]] == list(demo.CLASSES)

    dataset = FolderDataset(folder, split="train")
    dataset.check()
    assert dataset.splits == {"train", "val"} and len(dataset) == 20
    present: set[int] = set()
    for index in range(len(dataset)):
        photo, label_map, _ = dataset.read(index)
        assert photo is not None and photo.size == (demo.SIZE, demo.SIZE)
        present |= set(label_map.unique().tolist())
    assert present == set(range(len(demo.CLASSES)))


def test_labels_say_what_the_photo_shows() -> None:
    pictures = [demo.draw_landscape(index) for index in range(10)]
    photos, labels = (np.stack(part) for part in zip(*pictures, strict=True))
    sky, sun, hills, grass, water = (photos[labels == id].mean(0) for id in range(len(demo.CLASSES)))
    assert sky[2] > sky[1] > sky[0]
    assert water[2] > water[1] > water[0]
    assert grass[1] > grass[0] > grass[2]
    assert sun[0] > sun[2] and sun.mean() > sky.mean() > hills.mean() > grass.mean()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    assert demo.free_folder(tmp_path / "demo") == tmp_path / "demo"
    for name in ("demo", "demo-2"):
        (tmp_path / name).mkdir()
    assert demo.free_folder(tmp_path / "demo") == tmp_path / "demo-3"


def test_wrong_data_end_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "nowhere"
    assert demo.main([str(missing), "--out", str(tmp_path / "demo")]) == 2
    assert str(missing) in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
def test_the_demo_learns_its_classes(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert demo.main(["--train", "--out", str(out), "--images", "400"]) == 0
    sheet = np.asarray(Image.open(out / "sheet.png")).astype(float)

    # Blocks `label | real | fake`, two side by side; the label's colour says which pixels are sky and which grass.
    side = 2 * demo.SIZE
    fakes: dict[str, list[np.ndarray]] = {"sky": [], "grass": []}
    reals: dict[str, list[np.ndarray]] = {"sky": [], "grass": []}
    for row in range(GAP, sheet.shape[0] - side, side + GAP):
        for column in range(GAP, sheet.shape[1] - side, 3 * (side + GAP)):
            label, real, fake = (
                sheet[row : row + side, column + k * (side + GAP) : column + k * (side + GAP) + side] for k in range(3)
            )
            for name in fakes:
                where = (label == demo.CLASSES[name]).all(-1)
                fakes[name].append(fake[where])
                reals[name].append(real[where])
    assert len(fakes["sky"]) == 12

    # Sky is bluer and brighter than grass, as in the data, and by at least a third as much.
    wanted, got = (
        np.concatenate(pixels["sky"]).mean(0) - np.concatenate(pixels["grass"]).mean(0) for pixels in (reals, fakes)
    )
    assert wanted[2] > 50
    assert np.dot(wanted, got) > np.dot(wanted, wanted) / 3


def test_the_demo_shows_the_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its examples in its styles, or in seeds where it has none; nothing is trained."""
    model = tmp_path / "models/landscapes"
    write_model(model, "spade", tiny.lively(Spade(tiny.config(stem="style"))), tiny.ONTOLOGY)
    (model / "examples").mkdir()
    for number in range(2):
        ids = tiny.ONTOLOGY.to_ids(tiny.label_maps(1, seed=number)[0])
        Image.fromarray(ids.numpy().astype(np.uint8)).save(model / f"examples/{number}.png")
    monkeypatch.setattr(shipped_models, "MODELS", tmp_path / "models")
    assert demo.main(["--out", str(tmp_path / "out")]) == 0
    assert "spadework generate landscapes LABELS" in capsys.readouterr().out
    with Image.open(tmp_path / "out/sheet.png") as sheet:
        assert sheet.size == (5 * (64 + GAP) + GAP, 2 * (64 + GAP) + GAP)


# Figure 1: painted maps.


def test_painted_maps_show_what_people_paint() -> None:
    """Every class of the landscapes in some map; flat colours, without a pixel left out."""
    ontology = shipped_ontology("landscapes")
    maps = [figure1.paint(things, ontology, (128, 192)) for things in figure1.PAINTED.values()]
    assert len(maps) == 6 and all(label_map.shape == (128, 192) for label_map in maps)
    shown = {ontology.names[index] for label_map in maps for index in label_map.unique().tolist()}
    assert shown == {each.name for each in ontology.classes}
    with pytest.raises(ValueError, match="the painted maps show 'cloud'; this model knows sky, hill"):
        figure1.paint(figure1.PAINTED["Coast"], tiny.ONTOLOGY, (64, 64))


def test_figure1_has_a_column_for_each_photo(tmp_path: Path) -> None:
    ontology = shipped_ontology("landscapes")
    system = tiny.lively(Spade(tiny.config(classes=ontology.channels, stem="style", encoder=True)))
    write_model(tmp_path / "model", "spade", system, ontology)
    for color in ("red", "navy"):
        Image.new("RGB", (80, 60), color).save(tmp_path / f"{color}.png")
    photos = ["--photos", str(tmp_path / "red.png"), str(tmp_path / "navy.png")]
    said = ["--model", str(tmp_path / "model"), "--out", str(tmp_path / "out/figure1.png"), "--size", "64"]
    figure1.main([*said, *photos, "--maps", str(tmp_path / "painted")])
    sheet = np.asarray(Image.open(tmp_path / "out/figure1.png"))
    assert sheet.shape == (7 * 68 + 4, 3 * 68 + 4, 3)
    assert (sheet[4:68, 72:136] == (255, 0, 0)).all() and (sheet[4:68, 4:68] == 255).all()
    assert not np.array_equal(sheet[72:136, 72:136], sheet[72:136, 140:204])
    assert len(list((tmp_path / "painted").glob("*.png"))) == 6


# Models side by side.


def test_models_side_by_side_show_the_same_maps(
    make_folder: Callable[..., Path], ontology: Ontology, tmp_path: Path
) -> None:
    """Evenly from the data; a column for each model, the same picture where the model is the same."""
    data = make_folder(count=5)
    for seed in range(2):
        system = tiny.lively(Spade(tiny.config(classes=ontology.channels, stem="style")), seed)
        write_model(tmp_path / f"model-{seed}", "spade", system, ontology)
    models = [str(tmp_path / f"model-{seed}") for seed in (0, 1, 0)]
    said = ["--data", str(data), "--split", "train", "--count", "3", "--out", str(tmp_path / "out/sheet.png")]
    side_by_side.main([*models, *said])
    sheet = np.asarray(Image.open(tmp_path / "out/sheet.png"))
    assert sheet.shape == (2 * 68 + 4, 2 * (4 * 68 + 4) - 4, 3)
    label_map, first, second, again = (sheet[4:68, 4 + 68 * column : 68 * (column + 1)] for column in range(4))
    assert not np.array_equal(first, second) and np.array_equal(first, again)
    assert not np.array_equal(label_map, sheet[4:68, 4 * 68 + 4 : 5 * 68])


# A training over time.


def test_a_training_over_time_shows_maps_and_fakes_alone(tmp_path: Path) -> None:
    """The pieces of a sample sheet are what it was made of; a photo that is missing is told by name."""
    run, size = tmp_path / "run", {"width": 12, "height": 8}
    (run / "samples").mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"config": size}))
    for images in (100, 200):
        rows = [[Image.new("RGB", (12, 8), (row, kind, kind * images // 2)) for kind in range(3)] for row in range(6)]
        sheet = contact_sheet(rows, columns=2)
        sheet.save(run / f"samples/{images:09}.png")
        found = over_time.pieces(sheet, size)
        assert [[piece.tobytes() for piece in row] for row in found] == [[one.tobytes() for one in row] for row in rows]

    over_time.main([str(run), "--out", str(tmp_path / "out.png")])
    with Image.open(tmp_path / "out.png") as shown:
        assert shown.size == (3 * (12 + GAP) + GAP, 6 * (8 + GAP) + GAP)
        second = GAP + 8 + GAP
        pixels = [shown.getpixel((GAP + column * (12 + GAP), second)) for column in range(3)]
        assert pixels == [(1, 0, 0), (1, 2, 100), (1, 2, 200)]
    with pytest.raises(ValueError, match="run has no samples at 300 images, but at 100, 200"):
        over_time.main([str(run), "--images", "100", "300"])


# The page on paper and code: its tables are the code's.


def table_after(heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, header first, without the line of dashes."""
    lines = PAGE.partition(f"\n## {heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next(number for number, line in enumerate([*lines, ""]) if number > start and not line.startswith("|"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]
    return [rows[0], *rows[2:]]


def parameters(network: nn.Module) -> str:
    return f"{sum(parameter.numel() for parameter in network.parameters()):,}"


def test_every_preset_is_written_down_with_every_number() -> None:
    (_, *names), *rows = table_after("The presets")
    assert names == list(PRESETS)
    first = PRESETS[names[0]]
    assert [row[0].strip("`") for row in rows] == [f.name for f in (*fields(first.config), *fields(first.recipe))]
    for name, column in zip(names, zip(*(row[1:] for row in rows), strict=True), strict=True):
        preset = PRESETS[name]
        values = [getattr(part, f.name) for part in (preset.config, preset.recipe) for f in fields(part)]
        assert list(column) == [str(value) for value in values], name


def test_every_variant_is_written_down_with_its_parameters() -> None:
    _, *rows = table_after("The variants of the paper's tables")
    named = {row[2].strip("`") for row in rows if row[2].startswith("`")}
    assert named == set(VARIANTS)
    for row in rows:
        changes = VARIANTS[row[2].strip("`")] if row[2].startswith("`") else {}
        with weightless():
            system = Spade(replace(PRESETS["ade20k"].config, **changes))
        assert [parameters(system.generator), parameters(system.discriminator)] == row[3:5], row[0]


@pytest.mark.parametrize("width", [64, 48])
def test_the_parameters_of_the_generator_compared_with(width: int) -> None:
    with weightless():
        generator = GlobalGenerator(PRESETS["ade20k"].config.classes, width=width, norm=CONV_NORMS["sync_batch"])
    assert parameters(generator) in PAGE


def test_options_on_the_page_exist() -> None:
    config = PRESETS["coco"].config
    options = {name for row in table_after("The model")[1:] for name in re.findall(r"`(\w+)`", row[4])} - {"paper"}
    options |= {n for row in table_after("The objective and the optimiser")[1:] for n in re.findall(r"`(\w+)`", row[4])}
    assert {"beta2", "spectral"} <= options
    assert options - {"mean"} <= {field.name for field in fields(config)}
