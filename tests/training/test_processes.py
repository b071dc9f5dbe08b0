"""Learning together: what comes out does not depend on how the batch is divided."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spadework.training.processes import Processes
from tests.training.learning import BATCH, Case, comparable, learn, without_effect

MakeFolder = Callable[..., Path]

ENCODER = {"stem": "style", "encoder": True, "encoder_input": 16, "encoder_width": 4, "style_size": 8}
CASES = {
    "spade, synchronised": Case("spade", {"norm": "sync_batch", **ENCODER}),
    "spade, instance": Case("spade", {"norm": "instance"}),
    "clade": Case("clade", {"norm": "sync_batch", "positions": True}),
    "oasis": Case("oasis", {"norm": "sync_batch", "style_size": 4}),
}
RATE = 2e-4
"""The paper's learning rate: the generator's steps are half of it, the discriminator's twice."""
IN_FLOAT32 = {
    f"{name} in float32": replace(
        CASES[name], iterations=3, dtype=torch.float32, options={**CASES[name].options, "learning_rate": RATE}
    )
    for name in ("spade, synchronised", "spade, instance")
}
EXACT = 1e-8
"""Largest difference of a weight after 20 steps in float64."""


def learn_together(cases: dict[str, Case], count: int, data: Path, folder: Path) -> list[dict[str, Any]]:
    """What each of `count` processes has in the end, by case."""
    folder.mkdir()
    torch.save({"cases": cases, "data": str(data)}, folder / "task.pt")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("one_of_many.py")
    started = [
        subprocess.Popen(
            [sys.executable, "-P", script, str(rank), str(count), folder],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        errors = [process.communicate(timeout=1800)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * count, "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


def worst(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference of what must be equal."""
    one, other = comparable(one), comparable(other)
    assert one.keys() == other.keys()
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


def check_together(cases: dict[str, Case], count: int, data: Path, folder: Path) -> None:
    """Weights and losses of `count` processes against those of this one; prints the differences."""
    together = learn_together(cases, count, data, folder)
    for name, case in cases.items():
        alone = learn(case, data, Processes())

        # The same samples, dealt out: each process has its share of every batch, in their order.
        for i, (positions,) in enumerate(alone["seen"]):
            assert positions == list(range(i * BATCH, (i + 1) * BATCH))
            assert [p for rank in range(count) for p in together[rank][name]["seen"][i][0]] == positions

        # All processes have the same bits, and what one alone would have.
        for other in together[1:]:
            for key, value in together[0][name]["state"].items():
                if not key.endswith(("running_mean", "running_var")):
                    assert torch.equal(other[name]["state"][key], value), key
        difference = worst(alone["state"], together[0][name]["state"])
        print(f"{count} processes, {name}: weights differ by {difference:.2g}")
        if case.dtype == torch.float64:
            assert difference < EXACT, name
            for here, there in zip(alone["losses"], together[0][name]["losses"], strict=True):
                for loss in here:
                    torch.testing.assert_close(here[loss], there[loss], rtol=EXACT, atol=EXACT)
        else:
            check_rounding(case, alone, together[0][name])


def check_rounding(case: Case, alone: dict[str, Any], together: dict[str, Any]) -> None:
    """In float32 Adam makes a step of its own of every gradient that is smaller than its rounding: few are."""
    one, other = comparable(alone["state"]), comparable(together["state"])
    parameters = [name for name in one if name in alone["gradients"]]
    differences = torch.cat([(one[name] - other[name]).abs().flatten() for name in parameters])
    print(f"in float32: median {differences.median():.2g}, above 1e-5 {(differences > 1e-5).float().mean():.2%}")
    assert differences.median() < 1e-7
    assert (differences > 1e-5).float().mean() < 0.02
    step = {"generator": RATE / 2, "discriminator": RATE * 2}
    for name in parameters:
        largest = float((one[name] - other[name]).abs().max())
        assert largest <= 2.1 * case.iterations * step[name.split(".")[0].replace("encoder", "generator")], name


def test_two_processes_learn_what_one_would(make_folder: MakeFolder, tmp_path: Path) -> None:
    case = replace(CASES["spade, synchronised"], iterations=4)
    check_together({"spade": case}, 2, make_folder(count=5), tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_processes_learn_what_one_would(count: int, make_folder: MakeFolder, tmp_path: Path) -> None:
    """After 20 iterations in float64, and after 3 in float32."""
    check_together({**CASES, **IN_FLOAT32}, count, make_folder(count=5), tmp_path / "together")


@pytest.mark.parametrize("name", CASES)
def test_biases_left_out_have_no_effect(name: str, make_folder: MakeFolder) -> None:
    """Those, and no others, have gradients that are rounding noise."""
    result = learn(replace(CASES[name], iterations=1), make_folder(count=5), Processes())
    largest = max(result["gradients"].values())
    noise = {name for name, gradient in result["gradients"].items() if 0 < gradient < 1e-12 * largest}
    assert noise <= without_effect(result["state"])
    assert all(result["gradients"][name] < 1e-12 * largest for name in without_effect(result["state"]))


# Accumulation.

WITHOUT_BATCH_STATISTICS = {
    "spade": Case("spade", {"norm": "instance", **ENCODER}, iterations=5),
    "oasis": Case("oasis", {"norm": "instance", "style_size": 4}, iterations=5),
}


@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize("name", WITHOUT_BATCH_STATISTICS)
def test_accumulated_steps_are_one_batch(name: str, steps: int, make_folder: MakeFolder) -> None:
    """Sums over the batch, power iterations and all."""
    case, data = WITHOUT_BATCH_STATISTICS[name], make_folder(count=5)
    whole, parts = learn(case, data, Processes()), learn(replace(case, steps=steps), data, Processes())
    assert parts["seen"][1] == [list(range(4 + i * 4 // steps, 4 + (i + 1) * 4 // steps)) for i in range(steps)]
    assert worst(whole["state"], parts["state"]) < EXACT
    for here, there in zip(whole["losses"], parts["losses"], strict=True):
        for loss in here:
            torch.testing.assert_close(here[loss], there[loss], rtol=EXACT, atol=EXACT)


def test_batch_statistics_are_those_of_a_step(make_folder: MakeFolder) -> None:
    """Said honestly: with batch norms accumulation is another training."""
    case, data = replace(CASES["oasis"], iterations=1), make_folder(count=5)
    whole, parts = learn(case, data, Processes()), learn(replace(case, steps=2), data, Processes())
    key = "generator.blocks.0.norm_0.norm.num_batches_tracked"
    assert (int(whole["state"][key]), int(parts["state"][key])) == (2, 4)
    assert worst(whole["state"], parts["state"]) > 1e-6


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_recomputing_changes_no_bit(name: str, steps: int, make_folder: MakeFolder) -> None:
    case, data = replace(CASES[name], iterations=2, dtype=torch.float32, steps=steps), make_folder(count=5)
    plain, again = learn(case, data, Processes()), learn(replace(case, recompute=True), data, Processes())
    for key, value in plain["state"].items():
        assert torch.equal(again["state"][key], value), key


@pytest.mark.parametrize("name", CASES)
def test_the_order_of_weights_in_memory_changes_rounding_only(name: str, make_folder: MakeFolder) -> None:
    """As bf16 has it."""
    case, data = replace(CASES[name], iterations=2), make_folder(count=5)
    plain, other = learn(case, data, Processes()), learn(replace(case, channels_last=True), data, Processes())
    assert not all(value.is_contiguous() for value in other["state"].values())
    assert worst(plain["state"], other["state"]) < EXACT


# Words.


def test_a_batch_that_cannot_be_divided(make_folder: MakeFolder) -> None:
    case = replace(CASES["oasis"], steps=3)
    with pytest.raises(ValueError, match=r"batch of 4 cannot be divided .* 3 steps .*: take --batch-size 3 or 6"):
        learn(case, make_folder(), Processes())
    with pytest.raises(ValueError, match="--accumulate 0: expected at least 1"):
        learn(replace(case, steps=0), make_folder("other"), Processes())
