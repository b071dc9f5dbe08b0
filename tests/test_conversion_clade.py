"""CLADE's released checkpoints into model folders and back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from spadework.conversion import from_upstream, to_upstream
from spadework.conversion_config import Given, numbered_ontology
from spadework.layers.class_modulation import POSITIONS
from spadework.model_folder import write_model
from spadework.synthesizer import load
from spadework.systems.clade import Clade, CladeConfig
from spadework.upstream.checkpoint import read_state_dict
from tests.goldens.case import Case, below
from tests.goldens.spade import photo_size
from tests.test_conversion import assert_same, save, save_all
from tests.upstream import synthetic

SMALL = Given(height=64, width=64, upsamplings="normal")
KINDS: list[dict[str, Any]] = [{}, {"edges": True}, {"positions": True, "norm": "instance"}]

pytestmark = pytest.mark.filterwarnings("ignore:.*taken as preset", "ignore:.*taking ", "ignore:.*no option for it")


def config_of(folder: Path) -> CladeConfig:
    described = json.loads((folder / "config.json").read_text())
    assert described["system"] == "clade"
    return CladeConfig(**described["config"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
def test_there_and_back_bit_for_bit(tmp_path: Path, kind: dict[str, Any]) -> None:
    networks = {"G": synthetic.clade_generator(**kind), "D": synthetic.discriminator()}
    from_upstream(save_all(tmp_path / "theirs", **networks), tmp_path / "ours", given=SMALL)
    config = config_of(tmp_path / "ours")
    edges, positions = kind.get("edges", False), kind.get("positions", False)
    assert (config.classes, config.edges, config.positions) == (5 - edges, edges, positions)
    assert config.unlabelled == 0, "the original leaves class 0 without positions"
    to_upstream([tmp_path / "ours"], tmp_path / "back")
    for name, state_dict in networks.items():
        assert_same(read_state_dict(tmp_path / "back" / f"latest_net_{name}.pth"), state_dict)


def test_a_released_folder(tmp_path: Path) -> None:
    """They hold best_net_G.pth; the number of channels tells the preset, the keys tell ICPE."""
    generator = synthetic.clade_generator(channels=184, edges=True, positions=True)
    save(generator, tmp_path / "coco_dist" / "best_net_G.pth")
    from_upstream([tmp_path / "coco_dist"], tmp_path / "ours")
    config = config_of(tmp_path / "ours")
    assert (config.classes, config.edges, config.positions, config.unlabelled) == (183, True, True, 0)
    assert "coco-stuff" in (tmp_path / "ours/ontology.json").read_text()


def test_a_preset_of_other_data_is_no_guess(tmp_path: Path) -> None:
    """13 channels are SPADE's facades, which CLADE has no setting for; 36 with no edges are not Cityscapes."""
    for channels in (13, 36):
        paths = save_all(tmp_path / str(channels), G=synthetic.clade_generator(channels=channels))
        with pytest.raises(ValueError, match="--height and --width"):
            from_upstream(paths, tmp_path / "ours")
        from_upstream(paths, tmp_path / f"ours{channels}", given=SMALL)
        assert config_of(tmp_path / f"ours{channels}").classes == channels


@pytest.mark.parametrize(
    ("edges", "channels", "preset", "given", "complaint"),
    [
        (True, 5, None, Given(edges=False), "has weights for the edges between objects: give neither --edges"),
        (False, 5, None, Given(edges=True), "has no weights for the edges between objects: give neither --edges"),
        (True, 151, "ade20k", Given(), "has weights for the edges between objects: .* nor a preset that says"),
        (True, 5, "facades", Given(), "preset 'facades' is unknown; there are coco, ade20k"),
    ],
)
def test_what_contradicts_the_keys(
    tmp_path: Path, edges: bool, channels: int, preset: str | None, given: Given, complaint: str
) -> None:
    paths = save_all(tmp_path, G=synthetic.clade_generator(channels=channels, edges=edges))
    with pytest.raises(ValueError, match=complaint):
        from_upstream(paths, tmp_path / "ours", preset, given=given)
    assert not (tmp_path / "ours").exists()


def test_networks_that_both_systems_have_are_spades_unless_said(tmp_path: Path) -> None:
    paths = save_all(tmp_path, D=synthetic.discriminator(channels=151))
    from_upstream(paths, tmp_path / "spade")
    from_upstream(paths, tmp_path / "clade", system="clade")
    assert json.loads((tmp_path / "spade/config.json").read_text())["system"] == "spade"
    assert config_of(tmp_path / "clade").classes == 151
    with pytest.raises(ValueError, match="holds a generator of clade, not of spade: leave --system out"):
        from_upstream(save_all(tmp_path, G=synthetic.clade_generator()), tmp_path / "out", system="spade")


def test_a_model_whose_positions_the_original_would_not_make(tmp_path: Path) -> None:
    config = CladeConfig(classes=4, positions=True, unlabelled=3, height=64, width=64, generator_width=2)
    write_model(tmp_path / "ours", "clade", Clade(config).eval(), numbered_ontology(4))
    with pytest.warns(UserWarning, match="unlabelled=3; the original's code has 0 there"):
        to_upstream([tmp_path / "ours"], tmp_path / "theirs")


def test_a_generator_that_the_original_cannot_express(tmp_path: Path) -> None:
    config = CladeConfig(classes=4, norm="layer", height=64, width=64, generator_width=2)
    write_model(tmp_path / "ours", "clade", Clade(config).eval(), numbered_ontology(4))
    with pytest.raises(ValueError, match="norm=batch, sync_batch or instance only"):
        to_upstream([tmp_path / "ours"], tmp_path / "theirs")


# Pictures of the original.

GOLDENS = Path(os.environ.get("SPADEWORK_GOLDENS") or Path(__file__).parent / "goldens" / "data")


@pytest.mark.parametrize("name", ["gen_clade", "gen_clade_icpe_inst"])
def test_a_converted_model_makes_the_originals_pictures(tmp_path: Path, name: str) -> None:
    """From label map and instance map alone: the synthesizer finds the edges and the positions itself."""
    case = Case(GOLDENS / "clade" / name)
    if not case.folder.is_dir():
        pytest.skip(f"no golden case clade/{name}: set SPADEWORK_GOLDENS to a folder that has it")
    height, width = photo_size(case.config)
    given = Given(None, height, width, case.config["num_upsampling_layers"])
    from_upstream(save_all(tmp_path, G=below(case.weights, "netG")), tmp_path / "ours", given=given)

    inputs = {key: tensor[:, 0].long() for key, tensor in case.inputs.items() if key in ("label", "instance")}
    model = load(tmp_path / "ours")
    photos = model.batch(inputs["label"], instance_map=inputs.get("instance"))
    torch.testing.assert_close(photos, case.outputs["image"], **case.facts["tolerance"])
    if "offsets" in case.inputs:
        assert model._last is not None
        torch.testing.assert_close(model._last[2].extras[POSITIONS], case.inputs["offsets"], rtol=0, atol=1e-5)
