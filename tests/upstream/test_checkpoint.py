"""Reading files of weights: all forms there are, nothing executed, everything else refused with a reason."""

from __future__ import annotations

import argparse
import os
import pickle
import random
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm
from torch.nn.utils.parametrizations import spectral_norm as parametrized_spectral_norm

from spadework.upstream.checkpoint import difference, read_state_dict
from tests.upstream import synthetic

ZIP, LEGACY = True, False


def save(held: Any, path: Path, zipped: bool = ZIP) -> Path:
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype
        assert torch.equal(found[key], tensor), key


# ---- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [ZIP, LEGACY])
@pytest.mark.parametrize("container", [dict, OrderedDict, lambda held: {"state_dict": held, "epoch": 3, "note": "x"}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_torch_files(tmp_path: Path, zipped: bool, container: Any, prefix: str) -> None:
    expected = synthetic.discriminator()
    held = container({prefix + key: tensor for key, tensor in expected.items()})
    assert_equal(read_state_dict(save(held, tmp_path / "latest_net_D.pth", zipped)), expected)


def test_safetensors(tmp_path: Path) -> None:
    expected = synthetic.generator()
    for name in ("model.safetensors", "model.bin"):  # by what is in it, whatever its name
        safetensors.torch.save_file(expected, tmp_path / name)
        found = read_state_dict(tmp_path / name)
        assert_equal({key: found[key] for key in expected}, expected)
        assert len(found) == len(expected)


def test_torch_file_under_another_name(tmp_path: Path) -> None:
    expected = synthetic.encoder()
    assert_equal(read_state_dict(save(expected, tmp_path / "model.safetensors")), expected)


def test_parameters_become_plain_tensors(tmp_path: Path) -> None:
    weight = nn.Parameter(torch.ones(2, dtype=torch.float16))
    found = read_state_dict(str(save({"a.weight": weight}, tmp_path / "a.pth")))
    assert type(found["a.weight"]) is Tensor and not found["a.weight"].requires_grad
    assert found["a.weight"].dtype == torch.float16


def test_a_prefix_of_some_keys_stays(tmp_path: Path) -> None:
    held = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert list(read_state_dict(save(held, tmp_path / "a.pth"))) == ["module.a", "b"]


# ---- spectral norm, as three versions of torch saved it -------------------------------------------------------------

CONVOLUTIONS = {
    "conv": lambda: nn.Conv2d(3, 5, 3),
    "square": lambda: nn.Conv2d(4, 4, 3),
    "transposed": lambda: nn.ConvTranspose2d(6, 3, 3),
    "linear": lambda: nn.Linear(4, 7),
}


def iterated(conv: nn.Module, times: int) -> nn.Module:
    """A module under torch's spectral norm after some passes of training, then in eval mode."""
    normed = spectral_norm(conv)
    shape = {4: (1, normed.weight_orig.shape[0 if isinstance(conv, nn.ConvTranspose2d) else 1], 8, 8)}
    for _ in range(times):
        normed(torch.randn(shape.get(normed.weight_orig.dim(), (1, normed.weight_orig.shape[1]))))
    return normed.eval()


def effective_weight(found: dict[str, Tensor], outputs: int) -> Tensor:
    """The weight that spectral norm makes of what was read: weight_orig / (u' W v)."""
    matrix = found["up.weight_orig"].movedim(outputs, 0).flatten(1)
    return found["up.weight_orig"] / (found["up.weight_u"] @ matrix @ found["up.weight_v"])


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("times", [1, 2, 30])
@pytest.mark.parametrize("zipped", [ZIP, LEGACY])
def test_torch_04_files_without_v(tmp_path: Path, kind: str, times: int, zipped: bool) -> None:
    torch.manual_seed(times)
    module = iterated(CONVOLUTIONS[kind](), times)

    # Torch 0.4 saved the weight it had divided, and no v.
    sigma = module.weight_u @ spectral_matrix(module) @ module.weight_v
    weight = (module.weight_orig / sigma).detach()
    held = {"up.weight_orig": module.weight_orig, "up.weight": weight, "up.weight_u": module.weight_u}
    found = read_state_dict(save(held, tmp_path / "G.pth", zipped))

    outputs = 1 if kind == "transposed" else 0
    assert set(found) == {"up.weight_orig", "up.weight_u", "up.weight_v"}
    torch.testing.assert_close(effective_weight(found, outputs), weight, rtol=1e-6, atol=1e-6)
    assert 0.5 < found["up.weight_v"].norm() < 1 + 1e-6

    # Torch's own spectral norm, given the result, computes with the same weight.
    fresh = iterated(CONVOLUTIONS[kind](), 1)
    bias = {"up.bias": torch.zeros_like(module.bias)}
    fresh.load_state_dict({key.removeprefix("up."): tensor for key, tensor in {**found, **bias}.items()})
    x = torch.randn(2, 4) if kind == "linear" else torch.randn(2, {"conv": 3, "square": 4, "transposed": 6}[kind], 8, 8)
    fresh(x)
    torch.testing.assert_close(fresh.weight, weight, rtol=1e-6, atol=1e-6)


def spectral_matrix(module: nn.Module) -> Tensor:
    return module.weight_orig.movedim(1 if isinstance(module, nn.ConvTranspose2d) else 0, 0).flatten(1)


def test_a_weight_that_an_optimiser_moved_since(tmp_path: Path) -> None:
    orig, u = torch.randn(5, 3, 3, 3), torch.randn(5)
    weight = orig / 2.5
    moved = orig + 1e-3 * torch.randn_like(orig)
    found = read_state_dict(save({"up.weight_orig": moved, "up.weight": weight, "up.weight_u": u}, tmp_path / "D.pth"))
    torch.testing.assert_close(effective_weight(found, 0), moved / 2.5, rtol=1e-3, atol=1e-5)


def test_a_derived_weight_beside_v_is_left_out(tmp_path: Path) -> None:
    held = {**synthetic.conv("up", 4, 3, 3, 3, spectral=True), "up.weight": torch.ones(4, 3, 3, 3)}
    assert "up.weight" not in read_state_dict(save(held, tmp_path / "G.pth"))


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_parametrized_spectral_norm(tmp_path: Path, kind: str) -> None:
    module = nn.ModuleDict({"up": parametrized_spectral_norm(CONVOLUTIONS[kind]())}).eval()
    found = read_state_dict(save(module.state_dict(), tmp_path / "G.pth"))
    assert set(found) == {"up.bias", "up.weight_orig", "up.weight_u", "up.weight_v"}
    weight = effective_weight(found, 1 if kind == "transposed" else 0)
    torch.testing.assert_close(weight, module["up"].weight.detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("held", "complaint"),
    [
        ({"up.weight_orig": (4, 3)}, r"up\.weight_orig is there without up\.weight_u"),
        ({"up.weight_orig": (4, 3), "up.weight_u": (4,)}, "with neither weight_v nor weight"),
        ({"up.weight_orig": (4, 3), "up.weight_u": (5,), "up.weight": (4, 3)}, r"\[5\], which do not belong together"),
        ({"up.weight_orig": (4, 3), "up.weight_u": (4,), "up.weight": (4, 2)}, "do not belong together"),
        ({"up.weight_orig": (4,), "up.weight_u": (4,), "up.weight": (4,)}, "do not belong together"),
        ({"up.weight_orig": (4, 3), "up.weight_u": (4,), "up.weight": (4, 3)}, "not weight_orig divided by one number"),
    ],
)
def test_spectral_norm_that_is_not_whole(tmp_path: Path, held: dict[str, tuple[int, ...]], complaint: str) -> None:
    torch.manual_seed(0)
    path = save({key: torch.randn(shape) for key, shape in held.items()}, tmp_path / "half.pth")
    with pytest.raises(ValueError, match=rf"half\.pth: .*{complaint}"):
        read_state_dict(path)


def test_a_weight_of_zeros_has_no_v(tmp_path: Path) -> None:
    held = {"up.weight_orig": torch.zeros(4, 3), "up.weight_u": torch.ones(4), "up.weight": torch.zeros(4, 3)}
    with pytest.raises(ValueError, match="weight_v cannot be found"):
        read_state_dict(save(held, tmp_path / "zero.pth"))


# ---- what is refused ------------------------------------------------------------------------------------------------


class Payload:
    """An object that, unpickled carelessly, makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("zipped", [ZIP, LEGACY])
def test_nothing_is_executed(tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "marker"
    path = save({"a": torch.ones(1), "b": Payload(marker)}, tmp_path / "evil.pth", zipped)
    with pytest.raises(ValueError, match=r"evil\.pth: it holds a Python object, posix\.mkdir, .*nothing .* executed"):
        read_state_dict(path)
    assert not marker.exists()

    # The payload works: a reader that trusts the file does make the marker.
    torch.load(path, weights_only=False)
    assert marker.exists()


def test_a_bare_pickle_is_not_executed(tmp_path: Path) -> None:
    path, marker = tmp_path / "opt.pkl", tmp_path / "marker"
    path.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(ValueError, match=r"opt\.pkl: this is a Python pickle but no checkpoint.*nothing .* executed"):
        read_state_dict(path)
    assert not marker.exists()


@pytest.mark.parametrize("zipped", [ZIP, LEGACY])
@pytest.mark.parametrize(
    ("held", "complaint"),
    [
        (nn.Linear(2, 2), r"it holds a Python object, torch\.nn\.modules\.linear\.Linear"),
        (argparse.Namespace(ngf=64), r"it holds a Python object, argparse\.Namespace"),
        ([torch.ones(1)], "holds a list, not tensors by name"),
        (torch.ones(1), "holds a Tensor, not tensors by name"),
        ({}, "not a dict of tensors: it is empty"),
        ({"state_dict": {}}, r"not a dict of tensors: state_dict \(dict\)"),
        ({"a": torch.ones(1), "version": 3}, r"not a dict of tensors: version \(int\)"),
        ({3: torch.ones(1)}, "not a dict of tensors"),
        ({"netG": {"a": torch.ones(1)}, "netD": {"b": torch.ones(1)}}, r"several networks \(netG, netD\)"),
    ],
)
def test_other_things_that_torch_saves(tmp_path: Path, held: Any, complaint: str, zipped: bool) -> None:
    with pytest.raises(ValueError, match=rf"x\.pth: .*{complaint}"):
        read_state_dict(save(held, tmp_path / "x.pth", zipped))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b"\x1f\x8b\x08", "a compressed archive: unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"hello", "neither safetensors nor a file written by torch.save"),
        (b"PK\x03\x04nothing", "damaged or no checkpoint"),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "latest_net_G.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"latest_net_G\.pth: .*{complaint}"):
        read_state_dict(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.pth: there is no such file"):
        read_state_dict(tmp_path / "none.pth")
    save({"a": torch.ones(1)}, tmp_path / "latest_net_G.pth")
    with pytest.raises(ValueError, match=r"this is a folder; give the checkpoint in it \(latest_net_G\.pth\)"):
        read_state_dict(tmp_path)


@pytest.mark.filterwarnings("ignore:.*:FutureWarning", "ignore:'torch.load' received a zip file:UserWarning")
def test_a_torchscript_program(tmp_path: Path) -> None:
    program = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    torch.jit.save(program, tmp_path / "script.pt")
    with pytest.raises(ValueError, match="it is a TorchScript program"):
        read_state_dict(tmp_path / "script.pt")


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_truncated_anywhere(tmp_path: Path, form: str) -> None:
    whole, cut = tmp_path / "whole.pth", tmp_path / "cut.pth"
    if form == "safetensors":
        safetensors.torch.save_file(synthetic.encoder(), whole)
    else:
        save(synthetic.encoder(), whole, form == "zip")
    content = whole.read_bytes()
    for length in {1, 8, 9, 20, 200, *range(0, len(content), max(1, len(content) // 40)), len(content) - 1}:
        cut.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"cut\.pth: "):
            read_state_dict(cut)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("zipped", [ZIP, LEGACY])
def test_damaged_bytes_give_tensors_or_a_reason(tmp_path: Path, zipped: bool) -> None:
    content = save(synthetic.encoder(), tmp_path / "whole.pth", zipped).read_bytes()
    chance = random.Random(5)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(8):
            damaged[chance.randrange(min(len(damaged), 3000))] = chance.randrange(256)
        path = tmp_path / "damaged.pth"
        path.write_bytes(damaged)
        try:
            assert all(isinstance(tensor, Tensor) for tensor in read_state_dict(path).values())
        except ValueError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert refused > 50


# ---- difference -----------------------------------------------------------------------------------------------------


def test_no_difference() -> None:
    assert difference({"a": (1, 2), "b": ()}, {"b": (), "a": (1, 2)}) is None


def test_a_difference_of_every_kind() -> None:
    expected = {"fc.weight": (32, 184, 3, 3), "fc.bias": (32,), "head.bias": (2,)}
    found = {"fc.weight": (32, 151, 3, 3), "head.bias": (2,), "up_4.bias": (1,)}
    assert difference(expected, found) == (
        "1 missing: fc.bias [32]; 1 not expected: up_4.bias [1]; "
        "1 of another shape: fc.weight [32, 151, 3, 3] instead of [32, 184, 3, 3]"
    )


def test_many_differences_are_counted() -> None:
    expected = {f"layer{i}": (i,) for i in range(10)}
    assert difference(expected, {}) == (
        "10 missing: layer0 [0], layer1 [1], layer2 [2], layer3 [3] and 6 more"
    )
