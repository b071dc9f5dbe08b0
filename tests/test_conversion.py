"""Released checkpoints into model folders and back: nothing is lost, nothing half-written, nothing cryptic."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from spadework import cli
from spadework.conversion import from_upstream, to_upstream
from spadework.conversion_config import Given, numbered_ontology
from spadework.data.ontology import Ontology
from spadework.data.shipped import shipped_ontology
from spadework.layers.spectral import fold_spectral_norm
from spadework.model_folder import describe, read_model, write_model, write_weights
from spadework.synthesizer import load
from spadework.systems.spade import Spade, SpadeConfig
from spadework.training.run import Run
from spadework.upstream.checkpoint import read_state_dict
from spadework.upstream.spade import to_ours
from tests.full_disk import little_room
from tests.goldens.case import Case
from tests.goldens.spade import channels, photo_size
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict

SMALL = Given(edges=False, height=64, width=64, upsamplings="normal")

# Notes that these small checkpoints call forth everywhere.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no option for it", "ignore:.*taken as preset", "ignore:.*taking latest_net"
)


def save(held: Any, path: Path, zipped: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


def save_all(folder: Path, **networks: StateDict) -> list[Path]:
    """`save_all(folder, G=..., D=...)` writes latest_net_G.pth and latest_net_D.pth."""
    return [save(state_dict, folder / f"latest_net_{kind}.pth") for kind, state_dict in networks.items()]


def config_of(folder: Path) -> SpadeConfig:
    return SpadeConfig(**json.loads((folder / "config.json").read_text())["config"])


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """The same keys in the same order, and the same bits."""
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype
        assert torch.equal(found[key], tensor), key


# There and back.


def half(state_dict: StateDict) -> StateDict:
    """The same in half precision, counters apart."""
    return {key: tensor.bfloat16() if tensor.is_floating_point() else tensor for key, tensor in state_dict.items()}


@pytest.mark.parametrize(
    "networks",
    [
        {"G": half(synthetic.generator(most=True))},
        {
            "G": synthetic.generator(norm="instance", spectral=False, kernel=5, width=3),
            "D": synthetic.discriminator(scales=3, layers=2, norm="batch", width=3),
        },
        {"G": synthetic.generator(style=(4, 4)), "E": synthetic.encoder(norm="batch")},
        {"D": synthetic.discriminator(norm="none")},
    ],
    ids="".join,
)
def test_there_and_back_bit_for_bit(tmp_path: Path, networks: dict[str, StateDict]) -> None:
    given = SMALL
    if any(key.startswith("up_4.") for key in networks.get("G", {})):
        given = Given(edges=False, height=128, width=128)
    from_upstream(save_all(tmp_path / "theirs", **networks), tmp_path / "ours", given=given)
    written = to_upstream([tmp_path / "ours"], tmp_path / "back")
    assert written == sorted(tmp_path / "back" / f"latest_net_{kind}.pth" for kind in networks)
    for kind, state_dict in networks.items():
        path = tmp_path / "back" / f"latest_net_{kind}.pth"
        assert_same(dict(torch.load(path, weights_only=True)), state_dict)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        check_the_command_line(tmp_path, capsys)


def check_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = {"G": synthetic.generator(), "D": synthetic.discriminator()}
    save_all(tmp_path / "theirs", **networks)
    ours, back = str(tmp_path / "ours"), str(tmp_path / "back")
    options = ["--edges", "False", "--height", "64", "--width", "64", "--upsamplings", "normal"]
    assert cli.main(["convert", str(tmp_path / "theirs"), "--out", ours, *options]) == 0
    told = capsys.readouterr()
    names = ["config.json", "discriminator.safetensors", "model.safetensors", "ontology.json"]
    assert told.out.splitlines() == [str(tmp_path / "ours" / name) for name in names]
    assert "taking latest_net_D.pth, latest_net_G.pth" in told.err
    assert files_in(tmp_path / "ours") == names

    assert cli.main(["convert", ours, "--out", back, "--to-upstream"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(tmp_path / "back" / f"latest_net_{kind}.pth") for kind in "DG"]
    assert "hidden=3; the original's code has 128" in told.err
    for kind, state_dict in networks.items():
        assert_same(read_state_dict(tmp_path / "back" / f"latest_net_{kind}.pth"), state_dict)


def test_the_command_line_refuses_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = save_all(tmp_path, G=synthetic.generator())
    out = str(tmp_path / "out")
    assert cli.main(["convert", str(path), "--out", out]) == 2
    assert f"error: {path}: keys and shapes do not tell everything" in capsys.readouterr().err
    assert cli.main(["convert", str(path), "--out", out, "--system", "spede"]) == 2
    assert "did you mean 'spade'?" in capsys.readouterr().err
    back = ["convert", str(tmp_path), "--out", out, "--to-upstream"]
    assert cli.main([*back, "--preset", "coco", "--edges", "False"]) == 2
    assert "--preset, --edges: with --to-upstream the model folder says it" in capsys.readouterr().err
    assert cli.main(["convert", str(path), "--out", out, "--preset", "coco", "--style-size", "64"]) == 2
    assert "these are networks of spade: leave it out" in capsys.readouterr().err
    assert not Path(out).exists()


# All forms of files.


def parametrised(state_dict: StateDict) -> StateDict:
    names = {"weight_orig": "original", "weight_u": "0._u", "weight_v": "0._v"}
    renamed = {}
    for key, tensor in state_dict.items():
        path, _, leaf = key.rpartition(".")
        renamed[f"{path}.parametrizations.weight.{names[leaf]}" if leaf in names else key] = tensor
    return renamed


@pytest.mark.parametrize(
    ("form", "zipped"),
    [
        (lambda held: {f"module.{key}": tensor for key, tensor in held.items()}, True),
        (lambda held: held, False),
        (parametrised, True),
        (lambda held: {key: held[key] for key in reversed(held)}, True),
    ],
    ids=["data parallel", "legacy format", "parametrised", "other order"],
)
def test_forms_of_files(tmp_path: Path, form: Callable[[StateDict], StateDict], zipped: bool) -> None:
    generator = synthetic.generator()
    path = save(form(generator), tmp_path / "weights.bin", zipped)
    from_upstream([path], tmp_path / "ours", given=SMALL)
    found = load_file(tmp_path / "ours" / "model.safetensors")
    expected = {f"generator.{key}": tensor for key, tensor in to_ours(generator, "G").items()}
    assert_same({key: found[key] for key in expected}, expected)
    assert len(found) == len(expected)


def test_a_file_of_torch_04(tmp_path: Path) -> None:
    """It holds the divided weight instead of v, and no counts of batches."""
    whole = synthetic.generator()
    old = {key: tensor for key, tensor in whole.items() if not key.endswith((".weight_v", ".num_batches_tracked"))}
    for key in [key for key in old if key.endswith(".weight_orig")]:
        old[key.removesuffix("_orig")] = old[key] / 2.5
    from_upstream([save(old, tmp_path / "G.pth", zipped=False)], tmp_path / "ours", given=SMALL)

    # Every convolution has the weight that was saved.
    folded = fold_spectral_norm(read_model(tmp_path / "ours").system.generator)
    expected = to_ours({key: tensor for key, tensor in old.items() if "_orig" not in key and "_u" not in key}, "G")
    for key, tensor in folded.state_dict().items():
        if key.endswith("num_batches_tracked"):
            assert tensor == 0
        else:
            torch.testing.assert_close(tensor, expected[key], rtol=1e-5, atol=1e-6, msg=key)


# The config.


@pytest.mark.parametrize(
    ("semantic", "preset", "facts", "ids", "unlabelled"),
    [
        (184, "coco", {"classes": 183, "edges": True, "height": 256, "width": 256}, 182, (182, 255)),
        (151, "ade20k", {"classes": 151, "edges": False, "height": 256, "width": 256}, 151, (0,)),
        (36, "cityscapes", {"classes": 35, "edges": True, "height": 256, "upsamplings": "more"}, 35, (0,)),
        (13, "facades", {"classes": 13, "edges": False, "height": 256, "width": 256}, 13, (0,)),
    ],
)
def test_the_number_of_channels_tells_the_preset(
    tmp_path: Path, semantic: int, preset: str, facts: dict[str, Any], ids: int, unlabelled: tuple[int, ...]
) -> None:
    paths = save_all(tmp_path, G=synthetic.generator(channels=semantic))
    with pytest.warns(UserWarning, match=rf"latest_net_G\.pth has {semantic} .* taken as preset {preset} "):
        from_upstream(paths, tmp_path / "ours")
    config = config_of(tmp_path / "ours")
    expected = {"generator_width": 2, "hidden": 3, "norm": "sync_batch", "encoder": False, "stem": "label_map", **facts}
    assert {name: getattr(config, name) for name in expected} == expected

    # The ontology: ids as the original's label maps hold them, each class with a colour of its own.
    ontology = Ontology.read(tmp_path / "ours" / "ontology.json")
    assert [semantic_class.id for semantic_class in ontology.classes] == list(range(ids))
    assert ontology.unlabelled == unlabelled and ontology.channels == config.classes
    assert len({semantic_class.color for semantic_class in ontology.classes}) == ids
    assert ontology == shipped_ontology({"coco": "coco-stuff"}.get(preset, preset))
    assert ontology.to_index(torch.arange(ids)).tolist() == list(range(ids))


def test_classes_of_no_data_set_are_numbered(tmp_path: Path) -> None:
    from_upstream(save_all(tmp_path, G=synthetic.generator(channels=7)), tmp_path / "ours", given=SMALL)
    ontology = Ontology.read(tmp_path / "ours" / "ontology.json")
    assert ontology == numbered_ontology(7) and ontology.names[6] == "class 6" and ontology.unlabelled == ()


def test_what_shapes_tell_goes_before_the_preset(tmp_path: Path) -> None:
    paths = save_all(
        tmp_path,
        G=synthetic.generator(channels=151, width=4, kernel=1, norm="instance", spectral=False, style=(8, 4)),
        D=synthetic.discriminator(channels=151, width=5, scales=1, layers=5, norm="batch"),
        E=synthetic.encoder(width=3, norm="none", style_size=8),
    )
    from_upstream(paths, tmp_path / "ours", "ade20k", given=Given(height=64, width=64))
    assert config_of(tmp_path / "ours") == SpadeConfig(
        **{"classes": 151, "epochs": 100, "decay_epochs": 100, "height": 64, "width": 64, "upsamplings": "normal"},
        **{"stem": "style", "style_size": 8, "encoder": True, "encoder_width": 3, "encoder_norm": "none"},
        **{"generator_width": 4, "hidden": 3, "kernel_size": 1, "norm": "instance", "spectral": False},
        **{"discriminator_width": 5, "discriminator_scales": 1, "discriminator_layers": 5},
        **{"discriminator_norm": "sync_batch"},
    )


def test_options_go_before_the_preset_and_after_shapes(tmp_path: Path) -> None:
    paths = save_all(tmp_path, G=synthetic.generator(channels=36))
    given = Given(height=512, width=1024, upsamplings="normal")
    from_upstream(paths, tmp_path / "ours", "cityscapes", given=given)
    config = config_of(tmp_path / "ours")
    assert (config.height, config.width, config.upsamplings, config.edges) == (512, 1024, "normal", True)


def test_an_ontology_tells_whether_there_are_edges(tmp_path: Path) -> None:
    paths = save_all(tmp_path, G=synthetic.generator(channels=36))
    given = replace(SMALL, edges=None)
    for classes, edges in ((36, False), (35, True)):
        ontology = numbered_ontology(classes)
        from_upstream(paths, tmp_path / f"{classes}", ontology=ontology, given=given)
        config = config_of(tmp_path / f"{classes}")
        assert (config.classes, config.edges, config.width) == (classes, edges, 64)
        assert Ontology.read(tmp_path / f"{classes}" / "ontology.json") == ontology


@pytest.mark.parametrize(
    ("area", "given", "upsamplings"),
    [
        (16, Given(), "more"),
        (64, Given(height=512, width=512), "more"),
        (2, Given(height=128, width=64, upsamplings="more"), "more"),
        (2, Given(height=32, width=64), "normal"),
    ],
)
def test_a_style_stem_tells_the_upsamplings(tmp_path: Path, area: int, given: Given, upsamplings: str) -> None:
    paths = save_all(tmp_path, G=synthetic.generator(channels=151, style=(4, area)))
    from_upstream(paths, tmp_path / "ours", given=given)
    assert config_of(tmp_path / "ours").upsamplings == upsamplings


# What does not fit is refused, and nothing is written.

G5, D5, E4 = synthetic.generator(), synthetic.discriminator(), synthetic.encoder()
STYLE = synthetic.generator(style=(4, 4))


@pytest.mark.parametrize(
    ("networks", "preset", "given", "complaint"),
    [
        ({"G": G5}, "coco", Given(), r"_G\.pth has 5 semantic channels, preset coco has 184 \(183 classes"),
        ({"G": G5}, "cocoa", Given(), r"preset 'cocoa' is unknown; there are coco, "),
        ({"G": G5}, None, Given(), r"latest_net_G\.pth: .* give its --preset, or --edges .* --height and --width .*"
         r" --upsamplings normal or more\. Recognised: a generator with width 2, norm batch, .* kernel size 3, hid"),
        ({"G": G5}, None, replace(SMALL, edges=None), r"give its --preset, or --edges [^-]*\. Recognised"),
        ({"G": G5}, None, replace(SMALL, width=None), r"give its --preset, or --height and --width [^-]*\. Recognised"),
        ({"D": D5}, None, Given(), r"Recognised: a discriminator with .* scales 2, layers 4"),
        ({"G": G5}, None, replace(SMALL, width=50), r"latest_net_G\.pth: training size 50x64: .* multiples of 32"),
        ({"G": G5}, None, replace(SMALL, height=0), r"latest_net_G\.pth: training size 64x0"),
        ({"G": G5}, None, replace(SMALL, upsamplings="most"), r"has no block up_4, .* --upsamplings most cannot"),
        ({"G": synthetic.generator(most=True)}, None, SMALL, r"has the block up_4, .* --upsamplings normal cannot"),
        ({"G": synthetic.generator(channels=151)}, "ade20k", Given(edges=True), r"preset ade20k has 151 classes and no "
         r"edges, --edges says True"),
        ({"E": E4}, None, Given(), r"latest_net_E\.pth: an encoder does not tell .* give --preset"),
        ({"G": G5, "D": synthetic.discriminator(channels=7)}, None, SMALL, r"_G\.pth \(5 semantic channels\) and "
         r".*latest_net_D\.pth \(7 semantic channels\) belong to different models"),
        ({"G": G5, "E": E4}, None, SMALL, r"latest_net_G\.pth makes its photo from the label map alone, .*_E\.pth"),
        ({"G": STYLE, "E": synthetic.encoder(style_size=6)}, None, SMALL, r"takes a style of 4 .*_E\.pth makes 6"),
        ({"G": synthetic.generator(style=(4, 6))}, None, SMALL, r"a latent of 6 pixels; a photo of 64x64 .* "
         r"--width 96 --height 64 --upsamplings normal or --width 192 --height 32 --upsamplings normal$"),
        ({"G": synthetic.pix2pixhd_generator()}, None, SMALL, r"_G\.pth: the pix2pixHD-style generator .*5 chan"),
        ({"G": {**G5, "body.0.norm_0.first_norm.running_mean": torch.zeros(1)}}, None, SMALL, r"_G\.pth: .* OASIS"),
        ({"G": {key: tensor for key, tensor in G5.items() if key != "up_2.conv_1.bias"}}, None, SMALL,
         r"latest_net_G\.pth: not what a SPADE generator of its size has: 1 missing: up_2\.conv_1\.bias \[4\]$"),
        ({"G": {**G5, "up_2.conv_1.bias": torch.zeros(9)}}, None, SMALL, r"1 of another shape: up_2\.conv_1\.bias"),
        ({"G": {**G5, "up_2.conv_1.bias": torch.zeros(4, dtype=torch.long)}}, None, SMALL, r"bias holds torch\.int64"),
        ({"D": {**D5, "discriminator_0.model1.0.0.bias": torch.zeros(4)}}, None, SMALL, r"_D\.pth: not keys of"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    tmp_path: Path, networks: dict[str, StateDict], preset: str | None, given: Given, complaint: str
) -> None:
    paths = save_all(tmp_path / "theirs", **networks)
    with pytest.raises(ValueError, match=complaint):
        from_upstream(paths, tmp_path / "ours", preset, given=given)
    assert files_in(tmp_path) == ["theirs"]


def test_an_ontology_of_another_size_is_refused(tmp_path: Path) -> None:
    paths = save_all(tmp_path, G=synthetic.generator(channels=151))
    for preset, given in (("ade20k", Given()), (None, SMALL)):
        with pytest.raises(ValueError, match=r"the ontology 'numbered' has 9 classes, .*_G\.pth has 151: give"):
            from_upstream(paths, tmp_path / "ours", preset, numbered_ontology(9), given)
    assert not (tmp_path / "ours").exists()


def test_two_files_of_one_network_are_refused(tmp_path: Path) -> None:
    paths = [save(G5, tmp_path / "a.pth"), save(G5, tmp_path / "b.pth")]
    with pytest.raises(ValueError, match=r"a\.pth and .*b\.pth hold the same network, a generator: give one of them"):
        from_upstream(paths, tmp_path / "ours", given=SMALL)
    with pytest.raises(ValueError, match="no checkpoint was given"):
        from_upstream([], tmp_path / "ours", given=SMALL)


# Folders of checkpoints.


def test_the_newest_checkpoints_of_a_folder_are_taken(tmp_path: Path) -> None:
    for epoch, filling in (("9", 9.0), ("10", 10.0), ("latest", 11.0)):
        save({**G5, "conv_img.bias": torch.full((3,), filling)}, tmp_path / f"{epoch}_net_G.pth")
    save(D5, tmp_path / "10_net_D.pth")
    (tmp_path / "opt.txt").write_text("options")

    with pytest.warns(UserWarning, match=r"taking latest_net_G\.pth \(there are 10, 9 too\)"):
        from_upstream([tmp_path], tmp_path / "latest", given=SMALL)
    assert load_file(tmp_path / "latest" / "model.safetensors")["generator.to_photo.bias"].tolist() == [11.0] * 3
    assert "discriminator.safetensors" not in files_in(tmp_path / "latest")

    (tmp_path / "latest_net_G.pth").unlink()
    with pytest.warns(UserWarning, match=r"taking 10_net_D\.pth, 10_net_G\.pth \(there are 9 too\)"):
        from_upstream([tmp_path], tmp_path / "ten", given=SMALL)
    assert load_file(tmp_path / "ten" / "model.safetensors")["generator.to_photo.bias"].tolist() == [10.0] * 3
    assert "discriminator.safetensors" in files_in(tmp_path / "ten")


def test_a_folder_without_one_choice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: expected files such as latest_net_G\.pth, found none: give"):
        from_upstream([tmp_path / "empty"], tmp_path / "ours")
    for name in ("best", "good"):
        save(G5, tmp_path / "named" / f"{name}_net_G.pth")
    with pytest.raises(ValueError, match="named holds checkpoints of best, good: give the files of one of them"):
        from_upstream([tmp_path / "named"], tmp_path / "ours")
    with pytest.raises(ValueError, match=r"give one of the folders in it that have them \(.*named\)"):
        from_upstream([tmp_path], tmp_path / "ours")
    (tmp_path / "named" / "good_net_G.pth").unlink()
    with pytest.warns(UserWarning, match=r"taking best_net_G\.pth$"):
        from_upstream([tmp_path / "named"], tmp_path / "ours", given=SMALL)
    with pytest.raises(ValueError, match="looks like a model folder, which --to-upstream turns into checkpoints"):
        from_upstream([tmp_path / "ours"], tmp_path / "again")


# A network without its generator.


def test_a_discriminator_alone(tmp_path: Path) -> None:
    from_upstream(save_all(tmp_path, D=D5), tmp_path / "ours", given=SMALL)
    assert files_in(tmp_path / "ours") == ["config.json", "discriminator.safetensors", "ontology.json"]
    assert config_of(tmp_path / "ours").discriminator_width == 2
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        load(tmp_path / "ours")


def test_an_encoder_alone(tmp_path: Path) -> None:
    from_upstream(save_all(tmp_path, E=E4), tmp_path / "ours", "flickr-landscapes")
    assert files_in(tmp_path / "ours") == ["config.json", "encoder.safetensors", "ontology.json"]
    config = config_of(tmp_path / "ours")
    assert (config.encoder, config.stem, config.style_size, config.encoder_width) == (True, "style", 4, 1)
    to_upstream([tmp_path / "ours"], tmp_path / "back")
    assert_same(dict(torch.load(tmp_path / "back" / "latest_net_E.pth", weights_only=True)), E4)


# Whole or nothing.


@pytest.mark.parametrize("name", ["config.json", "ontology.json", "model.safetensors", "discriminator.safetensors"])
def test_a_folder_that_holds_a_model_is_left_alone(tmp_path: Path, name: str) -> None:
    paths = save_all(tmp_path / "theirs", G=G5)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / name).write_text("mine")
    with pytest.raises(ValueError, match=rf"ours already holds {name}: choose another --out"):
        from_upstream(paths, tmp_path / "ours", given=SMALL)
    assert (tmp_path / "ours" / name).read_text() == "mine" and files_in(tmp_path / "ours") == [name]


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "notes.txt").write_text("mine")
    from_upstream(save_all(tmp_path, G=G5), tmp_path / "ours", given=SMALL)
    assert files_in(tmp_path / "ours") == ["config.json", "model.safetensors", "notes.txt", "ontology.json"]
    with pytest.raises(ValueError, match=r"notes\.txt is a file: --out takes a folder"):
        to_upstream([tmp_path / "ours"], tmp_path / "ours" / "notes.txt")
    save(G5, tmp_path / "back" / "latest_net_D.pth")
    with pytest.raises(ValueError, match=r"back already holds latest_net_D\.pth: choose another --out"):
        to_upstream([tmp_path / "ours"], tmp_path / "back")


@pytest.mark.parametrize("new", [True, False])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, new: bool) -> None:
    paths = save_all(tmp_path / "theirs", G=G5, D=synthetic.discriminator(width=32))
    assert paths[1].stat().st_size > 3 << 20 > paths[0].stat().st_size
    with little_room("limited file size", tmp_path / "small") as folder:
        out = folder / "ours" if new else folder
        with pytest.raises(OSError, match=rf"{re.escape(str(out))}/discriminator\.safetensors .* is larger than"):
            from_upstream(paths, out, given=SMALL)
        assert files_in(folder) == []


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = save_all(tmp_path, G=G5, D=D5)
    for name in ("a", "b"):
        from_upstream(paths, tmp_path / name, given=SMALL)
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")
    for name in files_in(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# Back to the original's form.

CONFIG = SpadeConfig(
    **{"classes": 4, "height": 64, "width": 64, "generator_width": 2, "hidden": 8, "discriminator_width": 4},
    **{"discriminator_layers": 3, "discriminator_norm": "batch"},
)


def own_model(folder: Path, config: SpadeConfig = CONFIG) -> Spade:
    torch.manual_seed(1)
    system = Spade(config).eval()
    write_model(folder, "spade", system, numbered_ontology(config.classes))
    return system


def own_run(folder: Path, config: SpadeConfig = CONFIG) -> Spade:
    """A run folder with two checkpoints, the newer one of the system returned."""
    system = own_model(folder, config)
    (folder / "checkpoints").mkdir()
    Run(folder).create(describe("spade", system, seed=3), numbered_ontology(config.classes))
    networks = {name: network.state_dict() for name, network in system.networks.items()}
    older = {name: {key: tensor + 1 for key, tensor in state.items()} for name, state in networks.items()}
    Run(folder).save_checkpoint(100, {"networks": older})
    Run(folder).save_checkpoint(200, {"networks": networks})
    return system


def test_a_model_comes_back_with_the_same_pictures(tmp_path: Path) -> None:
    own_model(tmp_path / "first")
    to_upstream([tmp_path / "first"], tmp_path / "theirs")
    from_upstream([tmp_path / "theirs"], tmp_path / "second", given=SMALL)
    label_map = torch.randint(4, (2, 64, 64))
    photos = [load(tmp_path / name).batch(label_map) for name in ("first", "second")]
    assert torch.equal(*photos) and photos[0].std() > 0
    assert (tmp_path / "first/model.safetensors").read_bytes() == (tmp_path / "second/model.safetensors").read_bytes()


def test_a_runs_discriminator_comes_from_its_newest_checkpoint(tmp_path: Path) -> None:
    system = own_run(tmp_path / "run")
    written = to_upstream([tmp_path / "run"], tmp_path / "theirs")
    assert [path.name for path in written] == ["latest_net_D.pth", "latest_net_G.pth"]
    found = to_ours(read_state_dict(written[0]), "D")
    expected = system.discriminator.state_dict()
    assert_same({key: found[key] for key in expected}, dict(expected))


class Tree(nn.Module):
    """Modules under dotted paths, as a network of the original would have them."""

    def put(self, path: str, module: nn.Module) -> None:
        first, _, rest = path.partition(".")
        if not rest:
            self.add_module(first, module)
            return
        if first not in self._modules:
            self.add_module(first, Tree())
        self.get_submodule(first).put(rest, module)


def test_torchs_own_spectral_norm_loads_the_files_strictly(tmp_path: Path) -> None:
    system = own_run(tmp_path / "run")
    path = to_upstream([tmp_path / "run"], tmp_path / "theirs")[0]
    state_dict = torch.load(path)

    # The same network of torch's plain layers, under its legacy spectral norm.
    tree = Tree()
    for s in (0, 1):
        tree.put(f"discriminator_{s}.model0.0", nn.Conv2d(7, 4, 4, stride=2, padding=2))
        for j, stride in ((1, 2), (2, 1)):
            conv = nn.Conv2d(4 * j, 8 * j, 4, stride=stride, padding=2, bias=False)
            tree.put(f"discriminator_{s}.model{j}.0.0", nn.utils.spectral_norm(conv))
            tree.put(f"discriminator_{s}.model{j}.0.1", nn.BatchNorm2d(8 * j))
        tree.put(f"discriminator_{s}.model3.0", nn.Conv2d(16, 1, 4, padding=2))
    own = tree.state_dict()
    assert state_dict._metadata == own._metadata
    assert state_dict._metadata["discriminator_0.model1.0.0"]["spectral_norm"] == {"weight.version": 1}
    assert set(state_dict) == set(own)
    tree.load_state_dict(state_dict, strict=True)
    assert_same({key: tree.state_dict()[key] for key in state_dict}, dict(state_dict))

    # It computes what ours does.
    x = torch.randn(1, 4, 9, 9)
    theirs = tree.eval().get_submodule("discriminator_1.model1.0.0")
    ours = system.discriminator.scales[1].layers[1].conv
    torch.testing.assert_close(theirs(x), ours(x), rtol=1e-6, atol=1e-6)

    # A file of torch's older format, which every torch reads.
    assert path.read_bytes()[:2] != b"PK"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"conditioning": "concat"}, "its generator has conditioning=concat and norm=sync_batch; the original has"),
        ({"norm": "group"}, "its generator has conditioning=spade and norm=group"),
        ({"norm": "layer"}, "its generator has conditioning=spade and norm=layer"),
    ],
)
def test_a_generator_that_the_original_cannot_express_is_refused(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    own_model(tmp_path / "ours", replace(CONFIG, **changes))
    with pytest.raises(ValueError, match=complaint):
        to_upstream([tmp_path / "ours"], tmp_path / "theirs")
    assert files_in(tmp_path) == ["ours"]


def test_other_networks_that_the_original_cannot_express_are_left_out(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"stem": "style", "encoder": True, "encoder_input": 64, "discriminator": "residual"}
    own_run(tmp_path / "run", replace(CONFIG, **changes))
    with pytest.warns(UserWarning) as notes:
        written = to_upstream([tmp_path / "run"], tmp_path / "theirs")
    assert [path.name for path in written] == ["latest_net_G.pth"]
    told = "\n".join(str(note.message) for note in notes)
    assert "the original has no discriminator=residual: left out" in told
    assert "the original has no encoder_input=64: left out" in told


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (path,) = save_all(tmp_path / "theirs", G=G5)
    with pytest.raises(ValueError, match=r"theirs is no model: it has no config\.json"):
        to_upstream([tmp_path / "theirs"], tmp_path / "out")
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: expected a model folder"):
        to_upstream([path], tmp_path / "out")
    with pytest.raises(ValueError, match="takes one model folder; got 2 paths"):
        to_upstream([path, path], tmp_path / "out")

    # Files of different models, and a config alone.
    own_model(tmp_path / "ours")
    write_model(tmp_path / "wide", "spade", Spade(replace(CONFIG, generator_width=4)), numbered_ontology(4))
    (tmp_path / "wide" / "model.safetensors").replace(tmp_path / "ours" / "model.safetensors")
    with pytest.raises(ValueError, match=r"ours/model\.safetensors: does not fit config\.json beside it: .*shape"):
        to_upstream([tmp_path / "ours"], tmp_path / "out")
    with pytest.raises(ValueError, match="there are no weights to convert"):
        to_upstream([tmp_path / "wide"], tmp_path / "out")
    write_weights(tmp_path / "wide" / "encoder.safetensors", {"encoder": nn.Linear(1, 1)})
    with pytest.raises(ValueError, match=r"encoder\.safetensors: does not fit config\.json beside it: 2 not expected"):
        to_upstream([tmp_path / "wide"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Pictures of the original.

GOLDENS = Path(os.environ.get("SPADEWORK_GOLDENS") or Path(__file__).parent / "goldens" / "data")


@pytest.mark.parametrize("name", ["gen_segmap_normal", "gen_segmap_most_instance", "gen_z_more_ar2"])
def test_a_converted_model_makes_the_originals_pictures(tmp_path: Path, name: str) -> None:
    case = Case(GOLDENS / "spade" / name)
    if not case.folder.is_dir():
        pytest.skip(f"no golden case spade/{name}: set SPADEWORK_GOLDENS to a folder that has it")
    height, width = photo_size(case.config)
    edges = channels(case.config)[1]
    given = Given(edges, height, width, case.config["num_upsampling_layers"])
    from_upstream(save_all(tmp_path, G=case.weights), tmp_path / "ours", given=given)

    inputs = {key: tensor[:, 0].long() for key, tensor in case.inputs.items() if key in ("label", "instance")}
    model = load(tmp_path / "ours")
    photos = model.batch(inputs["label"], instance_map=inputs.get("instance"), style=case.inputs.get("z"))
    torch.testing.assert_close(photos, case.outputs["image"], **case.facts["tolerance"])
