"""OASIS's checkpoints into model folders and back: the same tensors and photos, the unknown class in its place."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from spadework import cli
from spadework.conversion import from_upstream, to_upstream
from spadework.conversion_config import Given
from spadework.data.ontology import Ontology
from spadework.model_folder import describe, read_model, write_model
from spadework.synthesizer import load
from spadework.systems.oasis import Oasis, OasisConfig
from spadework.training.average import WeightAverage
from spadework.training.run import Run
from spadework.upstream.checkpoint import read_state_dict
from tests import tiny
from tests.goldens.case import Case, below
from tests.goldens.oasis import photo_size
from tests.systems import tiny_oasis
from tests.upstream.synthetic import StateDict
from tests.upstream.test_oasis import discriminator, generator

pytestmark = pytest.mark.filterwarnings(
    *("ignore:.*no option for it", "ignore:.*taken as preset", "ignore:.*taking ", "ignore:channel 0")
)

FIRST = Ontology.from_json(
    {"name": "unknown first", "classes": [{"id": i, "name": str(i)} for i in range(5)], "unlabelled": [0]}
)
LAST = tiny.ONTOLOGY
"""Unlabelled is class index 4 there."""


CUT = {"layer_up_last.weight": torch.zeros(6, 5, 1, 1)}


def save(folder: Path, **networks: StateDict) -> Path:
    """`save(folder, best_EMA=...)` writes best_EMA.pth."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, state_dict in networks.items():
        torch.save(state_dict, folder / f"{name}.pth")
    return folder


def config_of(folder: Path) -> OasisConfig:
    return OasisConfig(**json.loads((folder / "config.json").read_text())["config"])


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype and torch.equal(found[key], tensor), key


@pytest.mark.parametrize("ontology", [FIRST, LAST, None])
def test_all_three_come_back_bit_for_bit(tmp_path: Path, ontology: Ontology | None) -> None:
    theirs = {"EMA": generator(), "G": generator(), "D": discriminator()}
    save(tmp_path / "theirs", **{f"best_{kind}": state for kind, state in theirs.items()})
    from_upstream([tmp_path / "theirs"], tmp_path / "ours", ontology=ontology, given=Given(height=64, width=128))
    networks = ["discriminator.safetensors", "generator.safetensors", "model.safetensors"]
    assert files_in(tmp_path / "ours") == ["config.json", *networks, "ontology.json"]

    config = config_of(tmp_path / "ours")
    assert (config.classes, config.style_size, config.height, config.width) == (5, 4, 64, 128)
    assert (config.generator_width, config.hidden, config.discriminator_width) == (2, 3, 4)
    assert config.unlabelled == (-1 if ontology is None else ontology.unlabelled_index)

    written = to_upstream([tmp_path / "ours"], tmp_path / "back")
    assert [path.name for path in written] == ["latest_D.pth", "latest_EMA.pth", "latest_G.pth"]
    for kind, state in theirs.items():
        assert_same(read_state_dict(tmp_path / "back" / f"latest_{kind}.pth"), state)


def test_unknown_pixels_are_found_where_the_ontology_has_them(tmp_path: Path) -> None:
    """The same photos for the same map, whichever channel it calls unknown."""
    system = tiny_oasis.lively(style_size=4, generator_width=2)
    write_model(tmp_path / "own", "oasis", system, FIRST)
    to_upstream([tmp_path / "own"], tmp_path / "theirs")
    with pytest.warns(UserWarning, match="channel 0, unknown pixels in the original, becomes class index 4"):
        from_upstream([tmp_path / "theirs"], tmp_path / "moved", ontology=LAST)
    maps = tiny.label_maps(2)
    expected = load(tmp_path / "own").batch(maps, seed=3)
    found = load(tmp_path / "moved").batch((maps - 1) % 5, seed=3)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert expected.std() > 0.1


def test_a_generator_alone_and_which_one_is_taken(tmp_path: Path) -> None:
    """best goes before latest, latest before numbers."""
    first, second = generator(channels=12), generator(channels=12)
    save(tmp_path / "theirs", best_G=first, latest_G=second, latest_EMA=second)
    save(tmp_path / "theirs", **{"20000_G": second})
    given = Given(style_size=7)
    from_upstream([tmp_path / "theirs"], tmp_path / "ours", given=given)
    assert files_in(tmp_path / "ours") == ["config.json", "model.safetensors", "ontology.json"]
    assert config_of(tmp_path / "ours").classes == 5
    stored = load_file(tmp_path / "ours" / "model.safetensors")
    assert torch.equal(stored["generator.to_photo.weight"], first["conv_img.weight"])
    assert torch.equal(stored["generator.stem.weight"], first["fc.weight"])


@pytest.mark.parametrize(
    ("channels", "outputs", "preset", "style_size"),
    [(215, None, "ade20k", 64), (247, None, "coco", 64), (99, None, "cityscapes", 64), (183, 184, "coco", 0)],
)
def test_presets_are_known_by_their_channels(
    tmp_path: Path, channels: int, outputs: int | None, preset: str, style_size: int
) -> None:
    networks = {"best_EMA": generator(width=1, channels=channels)}
    if outputs is not None:
        networks["best_D"] = discriminator(outputs=outputs)
    save(tmp_path / "theirs", **networks)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        from_upstream([tmp_path / "theirs"], tmp_path / "ours", preset=preset if outputs else None)
    told = " ".join(str(note.message) for note in notes)
    assert outputs is not None or f"taken as preset {preset}" in told
    config, ontology = config_of(tmp_path / "ours"), Ontology.read(tmp_path / "ours" / "ontology.json")
    assert (config.classes, config.style_size) == (channels - style_size, style_size)
    assert config.unlabelled == ontology.unlabelled_index and ontology.channels == config.classes
    assert config.unlabelled == (182 if preset == "coco" else 0)
    read_model(tmp_path / "ours")


@pytest.mark.parametrize(
    ("networks", "options", "complaint"),
    [
        ({"a": generator()}, {}, r"9 channels are noise and classes together: say how many are noise, --style-size"),
        ({"a": generator(), "b": generator()}, {}, r"a\.pth and .*b\.pth hold the same network, a generator: .*EMA"),
        ({"a_D": discriminator(), "b_D": discriminator()}, {}, "hold the same network, a discriminator"),
        ({"a": generator(), "a_EMA": generator(channels=8)}, {}, "belong to different models"),
        ({"a": generator()}, {"given": Given(edges=True)}, "neither edges nor a choice of upsamplings"),
        ({"a": generator()}, {"given": Given(style_size=9)}, "its model 0 classes, which leaves 9 for noise"),
        ({"a": generator(), "a_D": discriminator()}, {"given": Given(style_size=3)}, "4 for noise; .*says 3"),
        ({"a": generator(), "a_D": discriminator()}, {"preset": "coco"}, "has 5 classes, preset coco has 183"),
        ({"a": generator()}, {"system": "clade"}, r"a\.pth: networks of oasis, not of clade: leave --system out"),
        ({"a": generator()}, {"preset": "cocoa"}, "preset 'cocoa' is unknown; there are coco"),
        ({"a": generator(), "a_D": discriminator(outputs=9)}, {"ontology": LAST}, "has 5 classes, .* has 8"),
        ({"a": {**generator(), "x.y": torch.zeros(1)}}, {}, r"a\.pth: not keys of a generator of OASIS: x\.y"),
        ({"a_D": {**discriminator(), **CUT}}, {"ontology": LAST}, "not what an OASIS discriminator of its size has"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    tmp_path: Path, networks: dict[str, StateDict], options: dict[str, Any], complaint: str
) -> None:
    folder = save(tmp_path / "theirs", **networks)
    with pytest.raises(ValueError, match=complaint):
        from_upstream(sorted(folder.iterdir()), tmp_path / "ours", **options)
    assert files_in(tmp_path) == ["theirs"]


def test_occupied_folders_are_left_alone(tmp_path: Path) -> None:
    save(tmp_path / "theirs", a=generator())
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "generator.safetensors").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"already holds generator\.safetensors"):
        from_upstream([tmp_path / "theirs" / "a.pth"], tmp_path / "ours", given=Given(style_size=4))
    write_model(tmp_path / "own", "oasis", Oasis(tiny_oasis.config()), LAST)
    save(tmp_path / "back", latest_G=generator())
    with pytest.raises(ValueError, match=r"already holds latest_G\.pth"):
        to_upstream([tmp_path / "own"], tmp_path / "back")


def test_a_run_gives_all_three(tmp_path: Path) -> None:
    """The average from its model, the others from its newest checkpoint."""
    system = Oasis(tiny_oasis.config(unlabelled=4))
    average = WeightAverage(system.generator, 0.9)
    with torch.no_grad():
        system.generator.to_photo.bias.fill_(7.0)
    average.update(system.generator)
    run = Run(tmp_path / "run")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    trained = {name: network.state_dict() for name, network in system.networks.items()}
    averaged = Oasis(system.config)
    averaged.generator = average.module
    write_model(tmp_path / "run", "oasis", averaged, LAST)
    (tmp_path / "run" / "config.json").unlink()
    (tmp_path / "run" / "ontology.json").unlink()
    run.create(describe("oasis", system, seed=3), LAST)
    run.save_checkpoint(100, {"networks": trained})
    to_upstream([tmp_path / "run"], tmp_path / "theirs")
    assert files_in(tmp_path / "theirs") == ["latest_D.pth", "latest_EMA.pth", "latest_G.pth"]
    assert (read_state_dict(tmp_path / "theirs" / "latest_G.pth")["conv_img.bias"] == 7).all()
    assert not (read_state_dict(tmp_path / "theirs" / "latest_EMA.pth")["conv_img.bias"] == 7).any()


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "theirs", best_EMA=generator())
    arguments = ["convert", str(tmp_path / "theirs" / "best_EMA.pth"), "--style-size", "4"]
    assert cli.main([*arguments, "--out", str(tmp_path / "ours")]) == 0
    assert "model.safetensors" in capsys.readouterr().out
    assert cli.main([*arguments, "--out", str(tmp_path / "ours")]) == 2
    assert cli.main(["convert", str(tmp_path / "ours"), "--to-upstream", "--out", str(tmp_path / "back")]) == 0
    assert files_in(tmp_path / "back") == ["latest_EMA.pth"]


# Pictures of the original.

GOLDENS = Path(os.environ.get("SPADEWORK_GOLDENS") or Path(__file__).parent / "goldens" / "data")


@pytest.mark.parametrize("name", ["gen_eval_global_noise", "gen_wide_z64"])
def test_a_converted_model_makes_the_originals_pictures(tmp_path: Path, name: str) -> None:
    case = Case(GOLDENS / "oasis" / name)
    if not case.folder.is_dir():
        pytest.skip(f"no golden case oasis/{name}: set SPADEWORK_GOLDENS to a folder that has it")
    height, width = photo_size(case.config)
    save(tmp_path / "theirs", best_EMA=below(case.weights, "netG"))
    given = Given(height=max(height, 64), width=max(width, 64), style_size=case.config["z_dim"])
    from_upstream([tmp_path / "theirs"], tmp_path / "ours", given=given)
    model = load(tmp_path / "ours")
    for picture in ("la_za", "lb_za", "la_zb"):
        label_map = case.inputs[f"label_{picture[1]}"][:, 0].long()
        photos = model.batch(label_map, style=case.inputs[f"z_{picture[4]}"])
        torch.testing.assert_close(photos, case.outputs[f"img_{picture}"], **case.facts["tolerance"])
