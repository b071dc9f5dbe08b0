"""A run becomes a folder to give away: half precision, card, examples, styles, by name."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import spadework
from spadework import shipped_models
from spadework.checksum import sha256_of
from spadework.cli import main
from spadework.data.label_map import read_label_map
from spadework.model_facts import known_models
from spadework.model_folder import describe, find_model, write_weights
from spadework.shipping.half import half_precision
from spadework.shipping.ship import Words, ship
from spadework.shipping.styles import choose_distant
from spadework.shipping.training import command_again, read_training
from spadework.systems.spade import Spade
from spadework.systems.spade_presets import PRESETS
from spadework.training.run import Run
from tests import tiny

WORDS = Words("meadow", "apache-2.0", "Patches of noise.", "It shows nothing.")
LOG = [
    {"images": 100, "losses": {"gan": 0.5}, "images_per_second": 2.0, "hardware": "old", "time": "2026-01-01T00:00:50"},
    {"images": 200, "losses": {"gan": 0.4}, "images_per_second": 2.0, "hardware": "old", "time": "2026-01-01T00:01:40"},
    # A night later, elsewhere.
    {"images": 300, "losses": {"gan": 0.3}, "images_per_second": 10., "hardware": "new", "time": "2026-01-02T00:00:00"},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a SPADE with a style encoder, as a training leaves it."""
    system = tiny.lively(Spade(tiny.config(stem="style", encoder=True)))
    run = Run(tmp_path_factory.mktemp("runs") / "run")
    data = {"pairs": 40, "names_sha256": "0"}
    started = {"from": "/somewhere/else/first", "images": 5000, "classes": {}}
    description = describe("spade", system, recipe={"batch_size": 2}, seed=3, data=data, started_from=started)
    run.create(description, tiny.ONTOLOGY)
    networks = {name: network.state_dict() for name, network in system.networks.items()}
    run.save_checkpoint(300, {"networks": networks, "average": None})
    write_weights(run.model_path, {name: system.networks[name] for name in system.inference_names})
    (run.folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LOG))
    return run.folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Label maps of patches, photos of one colour each."""
    root = tmp_path_factory.mktemp("data")
    for split in ("train", "val"):
        for kind in ("photos", "labels"):
            (root / split / kind).mkdir(parents=True)
        for number in range(16):
            ids = tiny.ONTOLOGY.to_ids(tiny.label_maps(1, seed=number)[0]).to(torch.uint8).numpy()
            Image.fromarray(ids).save(root / split / f"labels/{number}.png")
            color = tuple(np.random.default_rng(number).integers(0, 255, 3).tolist())
            Image.new("RGB", (64, 64), color).save(root / split / f"photos/{number}.png")
    tiny.ONTOLOGY.write(root / "ontology.json")
    return str(root)


@pytest.fixture(scope="module")
def shipped(run: Path, data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "meadow"
    ship(run, out, WORDS, [data], example_count=3, style_count=4)
    return out


def content(folder: Path) -> dict[str, str]:
    """Path -> checksum."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_what_is_there(shipped: Path) -> None:
    assert list(content(shipped)) == [
        "card.md",
        "config.json",
        "discriminator.safetensors",
        *(f"examples/Example {number}.png" for number in (1, 2, 3)),
        "model.safetensors",
        "ontology.json",
        "seen_styles.safetensors",
        *(f"styles/Style 0{number}.{end}" for number in (1, 2, 3, 4) for end in ("jpg", "npy")),
    ]


def test_the_same_again_is_the_same_bytes(run: Path, data: str, shipped: Path, tmp_path: Path) -> None:
    ship(run, tmp_path / "again", WORDS, [data], example_count=3, style_count=4)
    assert content(tmp_path / "again") == content(shipped)


def test_half_the_bytes_and_nearly_the_same_pictures(run: Path, shipped: Path) -> None:
    stored = load_file(shipped / "model.safetensors")
    kinds = {tensor.dtype for tensor in stored.values() if tensor.ndim > 1}
    assert kinds == {torch.float16}
    assert all(tensor.dtype != torch.float16 for tensor in stored.values() if tensor.ndim <= 1)
    label_map = tiny.label_maps(1, seed=77)
    for style in torch.randn(3, 6, generator=torch.Generator().manual_seed(0)):
        a, b = (spadework.load(folder).batch(label_map, style=style) for folder in (run, shipped))
        assert 0 < float((a - b).abs().max()) < 0.03


def test_seeds_draw_from_the_photos_it_learnt_from(shipped: Path, data: str) -> None:
    seen = spadework.load(shipped).seen_styles
    assert seen is not None and seen.mean.shape == seen.log_variance.shape == (16, 6)
    wide = (seen.mean - seen.mean.mean(0)) / 0.5 + seen.mean.mean(0)
    encoded = torch.cat([spadework.load(shipped).encode(f"{data}/train/photos/{i}.png").vector for i in range(16)])
    assert float(torch.cdist(encoded, wide).min(1).values.max()) < 1e-4


def test_whether_unlabelled_pixels_are_filled(run: Path, data: str, shipped: Path, tmp_path: Path) -> None:
    ship(run, tmp_path / "filling", WORDS, [data], example_count=1, style_count=1, fill_unlabelled=True)
    assert spadework.load(tmp_path / "filling").fill_unlabelled and not spadework.load(shipped).fill_unlabelled


def test_filling_is_not_taken_for_half_precision(run: Path, data: str, tmp_path: Path) -> None:
    """Of an example with a hole, both are drawn filled."""
    ids = np.array(Image.open(Path(data) / "val/labels/1.png"))
    ids[8:40, 8:40] = 255
    (tmp_path / "examples").mkdir()
    Image.fromarray(ids).save(tmp_path / "examples/hole.png")
    shipped = ship(run, tmp_path / "out", WORDS, [data], examples=tmp_path / "examples", fill_unlabelled=True)
    assert 0 < shipped.half[0] < 4


def test_a_model_folder_is_shipped_with_its_discriminator(shipped: Path, data: str, tmp_path: Path) -> None:
    ship(shipped, tmp_path / "again", WORDS, [data], example_count=3, style_count=0)
    same = {name: value for name, value in content(shipped).items() if name.endswith(".safetensors")}
    again = content(tmp_path / "again")
    assert set(same) == {"model.safetensors", "discriminator.safetensors", "seen_styles.safetensors"} <= set(again)
    assert not (tmp_path / "again/styles").exists()
    for name in ("model.safetensors", "discriminator.safetensors"):
        assert again[name] == same[name], name


@pytest.mark.parametrize("wrong", [{"example_count": 0}, {"style_count": -1}, {"style_spread": 0.0}])
def test_wrong_numbers(run: Path, data: str, tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ship(run, tmp_path / "out", WORDS, [data], **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_metrics_of_other_weights_are_refused(run: Path, shipped: Path, data: str, tmp_path: Path) -> None:
    def words(weights: Path) -> Words:
        return replace(WORDS, metrics=[("mean IoU", "50 %")], measured_weights=sha256_of(weights))

    with pytest.raises(ValueError, match="the evaluation is of other weights"):
        ship(run, tmp_path / "out", words(shipped / "discriminator.safetensors"), [data], style_count=1)
    assert not list(tmp_path.iterdir())
    for number, weights in enumerate((run / "model.safetensors", shipped / "model.safetensors")):
        ship(run, tmp_path / str(number), words(weights), [data], style_count=1)


def test_examples_and_styles_serve(shipped: Path) -> None:
    synthesizer = spadework.load(shipped)
    pictures = []
    for style in sorted((shipped / "styles").glob("*.npy")):
        vector = np.load(style)
        assert vector.shape == (6,) and vector.dtype == np.float32
        pictures.append(np.asarray(synthesizer(shipped / "examples/Example 1.png", style=style)))
        with Image.open(style.with_suffix(".jpg")) as thumbnail:
            assert max(thumbnail.size) <= 160
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert read_label_map(shipped / "examples/Example 2.png", tiny.ONTOLOGY).shape == (64, 64)


def test_the_card(shipped: Path) -> None:
    card = (shipped / "card.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\nlibrary_name: spadework\n")
    for said in ("Patches of noise.", "It shows nothing.", "300 images seen", "sky, hill, lake, tree", "Not evaluated"):
        assert said in card, said
    assert re.search(r"Pictures differ .* by \d\.\d\d of 255 in the mean", card)
    assert "0.0 hours on old; 0.0 hours on new" in card
    assert "began with the weights of first after 5,000 images" in card and "--start-from first" in card


def test_the_card_of_a_model_that_went_through_two_trainings(
    run: Path, data: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Images and hours add up, each training has its command; the earlier one counts up to where the later began."""
    later = Run(tmp_path_factory.mktemp("later") / "finer")
    system, description = tiny.lively(Spade(tiny.config(stem="style", encoder=True))), Run(run).read_config()
    started = {"from": str(run), "images": 200, "classes": {}}
    later.create({**description, "started_from": started}, tiny.ONTOLOGY)
    write_weights(later.model_path, {name: system.networks[name] for name in system.inference_names})
    line = {"images": 3600, "images_per_second": 1.0, "hardware": "new", "time": "2026-01-03T00:00:00"}
    (later.folder / "log.jsonl").write_text(json.dumps(line) + "\n")
    ship(later.folder, later.folder.parent / "out", WORDS, [data], example_count=1, style_count=1)

    card = (later.folder.parent / "out/card.md").read_text()
    assert "3,800 images seen (200 at 64x64, then 3,600 at 64x64): 0.0 hours on old; 1.0 hours on new." in card
    assert "began with the weights of first after 5,000 images; these are not counted" in card
    commands = [line for line in card.splitlines() if line.startswith("    spadework train")]
    assert [re.search(r"--start-from (\w+)", command)[1] for command in commands] == ["first", "run"]  # type: ignore[index]
    assert [command.split()[-1] for command in commands] == ["run", "finer"]


def test_no_place_of_the_machine_is_told(shipped: Path) -> None:
    for path in shipped.rglob("*"):
        assert path.is_dir() or b"/somewhere" not in path.read_bytes(), path


def test_by_name(shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The name goes before a folder of the same name that holds no model; a model's folder goes before the name."""
    monkeypatch.setattr(shipped_models, "MODELS", shipped.parent)
    monkeypatch.chdir(tmp_path)
    assert find_model("meadow") == shipped
    (tmp_path / "meadow").mkdir()
    assert find_model("meadow") == shipped
    (tmp_path / "meadow/config.json").write_text("{}")
    assert find_model("meadow") == Path("meadow")
    assert spadework.load(shipped).ontology == tiny.ONTOLOGY
    with pytest.raises(ValueError, match="or the name of a model that comes with the library: meadow"):
        find_model("meadows")


def test_the_list(shipped: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shipped_models, "MODELS", shipped.parent)
    ours = next(model for model in known_models() if model.shipped)
    assert (ours.name, ours.system, ours.size, ours.licence) == ("meadow", "spade", (64, 64), "apache-2.0")
    assert ours.classes == ("sky", "hill", "lake", "tree") and ours.styles
    assert main(["models"]) == 0
    header, line = capsys.readouterr().out.splitlines()[:2]
    assert header.startswith("name") and line.startswith("meadow") and line.endswith("apache-2.0")
    assert main(["models", "meadow"]) == 0
    assert "# meadow" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["bytes"] == (shipped / "model.safetensors").stat().st_size
    assert main(["models", "medow"]) == 2
    assert "did you mean 'meadow'?" in capsys.readouterr().err


def test_no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shipped_models, "MODELS", tmp_path / "nothing")
    monkeypatch.setattr("spadework.model_facts._fetched", dict)
    assert main(["models"]) == 0
    assert "no models" in capsys.readouterr().out


def test_the_command(run: Path, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "given"
    maps = tmp_path / "maps"
    maps.mkdir()
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(maps / "One lake.png")
    said = ["ship", str(run), "--data", data, "--out", str(out), "--licence", "cc-by-4.0", "--about-data", "Patches."]
    assert main([*said, "--examples", str(maps), "--styles", "0", "--name", "lake"]) == 0
    assert "of weights in half precision, 1 examples, 0 styles" in capsys.readouterr().out
    assert [path.name for path in (out / "examples").iterdir()] == ["One lake.png"] and not (out / "styles").exists()
    assert "# lake" in (out / "card.md").read_text()

    # What is there stays.
    before = content(out)
    assert main(said) == 2
    assert "already holds" in capsys.readouterr().err and content(out) == before


def test_a_run_in_training_is_refused(run: Path, data: str, tmp_path: Path) -> None:
    """Its weights could change half-way."""
    with Run(run).lock(), pytest.raises(ValueError, match=re.escape(str(run))):
        ship(run, tmp_path / "out", WORDS, [data])
    assert not (tmp_path / "out").exists()


def test_other_data_are_refused(run: Path, tmp_path: Path, make_folder: object) -> None:
    with pytest.raises(ValueError, match=r"its classes \('park'\) are not the model's \('tiny'\)"):
        ship(run, tmp_path / "out", WORDS, [str(make_folder())])  # type: ignore[operator]
    assert not (tmp_path / "out").exists()


def test_weights_that_half_precision_cannot_hold() -> None:
    with pytest.raises(ValueError, match=r"its weights layer reach .*, half precision holds 65504 at most"):
        half_precision({"layer": torch.full((2, 2), 1e5)}, "run")
    with pytest.raises(ValueError, match="its weights bias are not all finite"):
        half_precision({"bias": torch.tensor([1.0, float("inf")])}, "run")
    small = {"running_var": torch.full([4], 1e-9), "count": torch.tensor(3)}
    assert all(torch.equal(half_precision(small, "run")[name], value) for name, value in small.items())


def test_hours_by_hardware(run: Path) -> None:
    """The night between two lines is no training."""
    training = read_training(run)
    assert training is not None and training.images == 300 and training.losses == {"gan": 0.3}
    assert {name: round(3600 * hours) for name, hours in training.hours.items()} == {"old": 100, "new": 10}


def test_the_command_that_trains_it_again() -> None:
    preset = PRESETS["flickr-landscapes"]
    with torch.device("meta"):  # its weights are not needed
        system = Spade(preset.config)
    description = describe("spade", system, recipe=vars(preset.recipe) | {"hand_drawn": 0.3, "flip": False}, seed=0)
    description["config"] |= {"classes": 14, "generator_width": 32}
    assert command_again(description, 5000) == (
        "spadework train spade --preset flickr-landscapes --flip --hand-drawn 0.3 --generator-width 32 --images 5000 "
        "--data DATA --out RUN"
    ).replace("--flip", "--no-flip")


def test_the_command_of_a_fine_tuning() -> None:
    preset = PRESETS["tiny"]
    with torch.device("meta"):
        system = Spade(preset.config)
    started = {"from": "coco", "images": None, "classes": {"sky": "sky", "pond": "lake", "new": None}}
    description = describe(
        "spade", system, recipe=vars(preset.recipe), seed=0, frozen=["encoder"], started_from=started
    )
    description["started_from"] |= {"fresh": ["discriminator"]}
    assert command_again(description, 100) == (
        "spadework train spade --preset tiny --images 100 --start-from coco --like pond=lake --fresh discriminator "
        "--freeze encoder --data DATA --out RUN"
    )


def test_distant_ones() -> None:
    """Four heaps, and one odd vector: one of each heap."""
    generator = torch.Generator().manual_seed(0)
    heaps = torch.tensor([[0.0, 0], [8, 0], [0, 8], [8, 8]]).repeat_interleave(25, 0)
    vectors = torch.cat([heaps + 0.3 * torch.randn(100, 2, generator=generator), torch.tensor([[90.0, 90]])])
    chosen = choose_distant(vectors, 4)
    assert sorted(index // 25 for index in chosen) == [0, 1, 2, 3]
    assert len(choose_distant(vectors[:3], 12)) == 3
