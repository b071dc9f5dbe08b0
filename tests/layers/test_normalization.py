"""Norms; synchronised batch norm over two real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spadework.layers.normalization import CONV_NORMS, PARAMETER_FREE_NORMS, SyncBatchNorm, alone
from tests.layers.float64 import EXACT, numbers

SIZES = (3, 1)
"""Pictures of the first and of the second process."""

AFFINE = {"weight": numbers(4, seed=8), "bias": numbers(4, seed=9)}


def two_batches(seed: int, dtype: torch.dtype) -> list[list[Tensor]]:
    """Process -> iteration -> batch [B, 4, 5, 6]; a mean far from zero, so that cancellation would show."""
    return [
        [(50 + 3 * numbers(size, 4, 5, 6, seed=seed + 10 * rank + i)).to(dtype) for i in range(2)]
        for rank, size in enumerate(SIZES)
    ]


def case(options: dict[str, Any], dtype: torch.dtype = torch.float64, **more: Any) -> dict[str, Any]:
    inputs = two_batches(0, dtype)
    upstream = [[torch.randn_like(x) for x in batches] for batches in inputs]
    parameters = torch.float64 if dtype == torch.float64 else torch.float32
    return {"channels": 4, "options": options, "parameters": parameters, "inputs": inputs, "upstream": upstream, **more}


CASES = {
    "parameter-free": case({"affine": False}),
    "affine": case({}, affine=AFFINE),
    "momentum": case({"affine": False, "momentum": None}),
    "no running statistics": case({"affine": False, "track_running_stats": False}),
    "bf16": case({"affine": False}, torch.bfloat16),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Any]]]:
    """What each of the two processes computed."""
    folder = tmp_path_factory.mktemp("two_processes")
    torch.save(CASES, folder / "cases.pt")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("one_of_two_processes.py")
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-W", "error::FutureWarning", script, str(rank), folder],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=400)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def on_all_at_once(name: str) -> tuple[nn.Module, list[Tensor], list[Tensor]]:
    """Batch norm on the two processes' batches put together: outputs and gradients of each iteration."""
    facts = CASES[name]
    layer = nn.BatchNorm2d(4, **facts["options"]).to(facts["parameters"])
    if layer.affine:
        layer.load_state_dict(facts["affine"], strict=False)
    outputs, gradients = [], []
    for i in range(2):
        x = torch.cat([facts["inputs"][rank][i] for rank in range(2)]).detach().requires_grad_()
        output = layer(x)
        output.backward(torch.cat([facts["upstream"][rank][i] for rank in range(2)]))
        outputs.append(output.detach())
        assert x.grad is not None
        gradients.append(x.grad)
    return layer, outputs, gradients


EXACT_CASES = [name for name in CASES if name != "bf16"]


@pytest.mark.parametrize("name", EXACT_CASES)
def test_two_processes_compute_what_one_would(name: str, results: list[dict[str, Any]]) -> None:
    layer, outputs, gradients = on_all_at_once(name)
    for i in range(2):
        together = torch.cat([results[rank][name]["outputs"][i] for rank in range(2)])
        torch.testing.assert_close(together, outputs[i], **EXACT)
        together = torch.cat([results[rank][name]["gradients"][i] for rank in range(2)])
        torch.testing.assert_close(together, gradients[i], **EXACT)

    # Both keep the same statistics, the unbiased variance among them.
    for rank in range(2):
        assert results[rank][name]["state"].keys() == layer.state_dict().keys()
        for key, value in layer.state_dict().items():
            torch.testing.assert_close(results[rank][name]["state"][key], value, **EXACT)


@pytest.mark.parametrize("name", ["parameter-free", "affine", "momentum"])
def test_two_processes_in_eval_mode(name: str, results: list[dict[str, Any]]) -> None:
    layer, _, _ = on_all_at_once(name)
    for rank in range(2):
        expected = layer.eval()(CASES[name]["inputs"][rank][0].detach())
        torch.testing.assert_close(results[rank][name]["eval"], expected, **EXACT)


def test_gradients_of_scale_and_shift_add_up(results: list[dict[str, Any]]) -> None:
    layer, _, _ = on_all_at_once("affine")
    for name, parameter in layer.named_parameters():
        total = sum(results[rank]["affine"]["affine_gradients"][name] for rank in range(2))
        torch.testing.assert_close(total, parameter.grad, **EXACT)


def test_half_precision_over_two_processes(results: list[dict[str, Any]]) -> None:
    """Moments in float32: as torch's batch norm does it, within one rounding of bfloat16."""
    layer, outputs, _ = on_all_at_once("bf16")
    for i in range(2):
        together = torch.cat([results[rank]["bf16"]["outputs"][i] for rank in range(2)])
        assert together.dtype == outputs[i].dtype == torch.bfloat16
        torch.testing.assert_close(together.float(), outputs[i].float(), rtol=2**-7, atol=2**-9)
    torch.testing.assert_close(results[0]["bf16"]["state"]["running_var"], layer.running_var, rtol=1e-5, atol=1e-5)


def test_alone_no_other_process_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in one of several processes, the others of which are busy: whoever asked them would wait."""
    layer, plain = nn.Sequential(SyncBatchNorm(4)).double(), nn.BatchNorm2d(4).double()
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    x = numbers(2, 4, 5, 6)
    with alone(layer):
        torch.testing.assert_close(layer(x), plain(x), **EXACT)
    torch.testing.assert_close(layer[0].running_var, plain.running_var, **EXACT)
    with pytest.raises((ValueError, RuntimeError)):
        layer(x)


def test_one_process_is_plain_batch_norm() -> None:
    ours, plain = SyncBatchNorm(4).double(), nn.BatchNorm2d(4).double()
    ours.load_state_dict(AFFINE, strict=False)
    plain.load_state_dict(AFFINE, strict=False)
    x = numbers(2, 4, 5, 6)
    for _ in range(2):
        torch.testing.assert_close(ours(x), plain(x), **EXACT)
    assert ours.state_dict().keys() == plain.state_dict().keys()
    torch.testing.assert_close(ours.eval()(2 * x), plain.eval()(2 * x), **EXACT)


def test_moments() -> None:
    """Each norm leaves mean 0 and variance 1 where it says so."""
    x = 5 + 3 * numbers(3, 64, 6, 7)
    axes = {"batch": (0, 3, 4), "sync_batch": (0, 3, 4), "instance": (3, 4), "group": (2, 3, 4), "layer": (2, 3, 4)}
    groups = {"batch": 64, "sync_batch": 64, "instance": 64, "group": 32, "layer": 1}
    assert axes.keys() == PARAMETER_FREE_NORMS.keys()
    for name, make in PARAMETER_FREE_NORMS.items():
        layer = make(64).double()
        assert not list(layer.parameters())
        grouped = layer(x).unflatten(1, (groups[name], -1))
        assert grouped.mean(axes[name]).abs().max() < 1e-12, name
        assert (grouped.var(axes[name], correction=0) - 1).abs().max() < 1e-5, name


def test_batch_norms_of_plain_convolutions_have_scale_and_shift() -> None:
    for name, make in CONV_NORMS.items():
        parameters = {} if make is None else dict(make(4).named_parameters())
        assert parameters.keys() == ({"weight", "bias"} if "batch" in name else set())


@pytest.mark.parametrize("norm", PARAMETER_FREE_NORMS)
@pytest.mark.parametrize("batch", [1, 2])
def test_the_gradient_does_not_depend_on_the_order_in_memory(norm: str, batch: int) -> None:
    layer = PARAMETER_FREE_NORMS[norm](4).double()
    x, gradient = numbers(batch, 4, 6, 5).requires_grad_(), numbers(batch, 4, 6, 5, seed=1)
    (expected,) = torch.autograd.grad(layer(x), x, gradient)
    (actual,) = torch.autograd.grad(layer(x), x, gradient.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(actual, expected, **EXACT)
