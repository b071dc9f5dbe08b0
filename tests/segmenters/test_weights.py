"""Checkpoints as they are published: what is read, what is ignored, and what a wrong file is told to be."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from spadework.segmenters.deeplab_v2 import DeepLabV2
from spadework.segmenters.drn import Drn
from spadework.segmenters.segmenter import Segmenter
from spadework.segmenters.upernet import UPerNet
from tests.segmenters.narrow import BOTTLENECKS, CLASSES, deeplab, drn, filled, photos, upernet
from tests.upstream import synthetic

StateDict = dict[str, Tensor]
WIDTHS = {"stem": (6, 6, 12), "widths": (4, 8, 16, 32), "blocks": (1, 1, 2, 1), "pyramid_width": 8}
LIKE: dict[str, Callable[[Path], Segmenter]] = {
    "deeplab": lambda path: DeepLabV2.read(path, CLASSES, width=8, blocks=(1, 2, 2, 1)),
    "drn": lambda path: Drn.read(path, CLASSES, BOTTLENECKS),
    "upernet": lambda path: UPerNet.read([path], CLASSES, preprocessing="ade20k", **WIDTHS),
}


def without_counters(state: StateDict) -> StateDict:
    return {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}


def with_synchronised_counters(state: StateDict) -> StateDict:
    more: StateDict = {}
    for key, tensor in state.items():
        if key.endswith("running_mean"):
            path = key.removesuffix("running_mean")
            more |= {f"{path}_tmp_running_mean": tensor * 3, f"{path}_tmp_running_var": tensor * 5}
            more[f"{path}_running_iter"] = torch.ones(1)
    return state | more


FORMS: dict[str, Callable[[StateDict], Any]] = {
    "as it is": lambda state: state,
    "without counters": without_counters,
    "with counters of a synchronised norm": with_synchronised_counters,
    "of data-parallel training": lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
    "a training's snapshot": lambda state: {
        "epoch": 3,
        "state_dict": {f"module.{key}": tensor for key, tensor in without_counters(state).items()},
        "best": 0.5,
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["deeplab", "drn"])
def test_a_checkpoint_is_read_in_each_form(tmp_path: Path, kind: str, form: str) -> None:
    made = filled({"deeplab": deeplab, "drn": drn}[kind](), seed=5)
    path = tmp_path / "published.pth"
    torch.save(FORMS[form](made.state_dict()), path)
    read = LIKE[kind](path)
    given = photos(1, 40, 56)
    assert torch.equal(read.scores(given), made.scores(given))
    assert read.describe()["weights"] == [
        {"name": "published.pth", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    ]


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    made = filled(drn(), seed=5)
    save_file(made.state_dict(), tmp_path / "published.safetensors")
    read = LIKE["drn"](tmp_path / "published.safetensors")
    assert torch.equal(read.scores(photos(1, 40, 56)), made.scores(photos(1, 40, 56)))


def write_upernet(folder: Path, form: Callable[[StateDict], Any] = lambda state: state) -> UPerNet:
    made = filled(upernet(), seed=5)
    for part in ("encoder", "decoder"):
        torch.save(form(made.get_submodule(part).state_dict()), folder / f"{part}_epoch_50.pth")
    return made


@pytest.mark.parametrize("form", FORMS)
def test_upernets_two_files_are_read_in_either_order_or_from_their_folder(tmp_path: Path, form: str) -> None:
    made = write_upernet(tmp_path, FORMS[form])
    encoder, decoder = (tmp_path / f"{part}_epoch_50.pth" for part in ("encoder", "decoder"))
    given = photos(1, 40, 56)
    for paths in ([encoder, decoder], [decoder, encoder], [tmp_path]):
        read = UPerNet.read(paths, CLASSES, preprocessing="ade20k", **WIDTHS)
        assert torch.equal(read.scores(given), made.scores(given))
        assert [file.name for file in read.weights] == ["encoder_epoch_50.pth", "decoder_epoch_50.pth"]


def test_upernet_wants_both_files(tmp_path: Path) -> None:
    write_upernet(tmp_path)
    encoder, decoder = tmp_path / "encoder_epoch_50.pth", tmp_path / "decoder_epoch_50.pth"
    for paths in ([encoder], [decoder], [encoder, decoder, encoder]):
        with pytest.raises(ValueError, match=r"two files, encoder_epoch_50\.pth and decoder_epoch_50\.pth"):
            UPerNet.read(paths, CLASSES, preprocessing="ade20k", **WIDTHS)
    for twice, part in ((encoder, "decoder"), (decoder, "encoder")):
        with pytest.raises(ValueError, match=rf"not the weights of the {part} of a UPerNet.* but of the"):
            UPerNet.read([twice, twice], CLASSES, preprocessing="ade20k", **WIDTHS)
    torch.save({"a": torch.zeros(1)}, tmp_path / "encoder_epoch_40.pth")
    with pytest.raises(ValueError, match="a folder with these two and no other weights"):
        UPerNet.read([tmp_path], CLASSES, preprocessing="ade20k", **WIDTHS)


def test_another_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    others = {
        "a DRN segmenter": filled(drn()).state_dict(),
        "the encoder of a UPerNet segmenter": filled(upernet()).get_submodule("encoder").state_dict(),
        "the decoder of a UPerNet segmenter": filled(upernet()).get_submodule("decoder").state_dict(),
        "a SPADE generator": synthetic.generator(),
        "a SPADE discriminator": synthetic.discriminator(),
        "a VGG network of torchvision": {"features.0.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(1)},
    }
    for name, state in others.items():
        torch.save(state, path)
        with pytest.raises(ValueError, match=rf"x\.pth: these are not the weights of a DeepLabV2 .* but of {name}"):
            LIKE["deeplab"](path)
    torch.save(filled(deeplab()).state_dict(), path)
    with pytest.raises(ValueError, match=r"not the weights of the DRN.* but of a DeepLabV2 segmenter"):
        LIKE["drn"](path)


def test_another_number_of_classes_is_told(tmp_path: Path) -> None:
    path = tmp_path / "voc.pth"
    torch.save(filled(deeplab()).state_dict(), path)
    with pytest.raises(ValueError, match=r"of a DeepLabV2 segmenter of 3 classes; .*base\.aspp\.c0\.weight \[5,"):
        DeepLabV2.read(path, CLASSES[:3], width=8, blocks=(1, 2, 2, 1))


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    state = filled(drn()).state_dict()
    del state["base.4.0.conv2.weight"]
    path = tmp_path / "x.pth"
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"1 missing: base\.4\.0\.conv2\.weight"):
        LIKE["drn"](path)


class Harmful:
    """Executes something when it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(ValueError, match="nothing in it was executed"):
        LIKE["deeplab"](path)
    torch.save({"state_dict": Harmful()}, path)
    with pytest.raises(ValueError, match="nothing in it was executed"):
        LIKE["deeplab"](path)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file"):
        LIKE["deeplab"](tmp_path / "none.pth")
    with pytest.raises(ValueError, match="this is a folder"):
        LIKE["drn"](tmp_path)
