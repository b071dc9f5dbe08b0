"""Memory that runs out, and what is said then; dry runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.systems import PRESETS
from spadework.systems.base import Preset
from spadework.systems.spade import Spade
from spadework.training.beginning import Beginning
from spadework.training.dry_run import DryRun, dry_run
from spadework.training.forecast import forecast
from spadework.training.memory import Needs, OutOfMemory, explaining_memory, needs_of
from spadework.training.settings import Settings
from tests.cli.small import train_arguments

MakeFolder = Callable[..., Path]

TINY = PRESETS["spade"]["tiny"]
SMALL = Preset(
    replace(TINY.config, generator_width=4, hidden=16, discriminator_width=4, classes=5, norm="instance"),
    replace(TINY.recipe, batch_size=4, average=0.9),
)


def label_map() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    return (rows // 16 + columns // 20) % 5


@cache
def needs(**settings: object) -> Needs:
    return needs_of("spade", SMALL, replace(Settings(), **settings), 1, label_map())  # type: ignore[arg-type]


def test_ways_to_save_memory() -> None:
    """Each is what another forecast says; the largest comes first."""
    found = needs()
    frees = {way.option: way.frees for way in found.ways}
    assert {"--accumulate 2", "--devices 2", "--batch-size 2", "--recompute", "--precision bf16"} <= frees.keys()
    assert list(frees.values()) == sorted(frees.values(), reverse=True)
    for option, settings in {
        "--accumulate 2": {"pictures": 2},
        "--recompute": {"recompute": True},
        "--precision bf16": {"precision": "bf16"},
    }.items():
        other = forecast("spade", "", SMALL, label_map(), 5, **{"pictures": 4, **settings})  # type: ignore[arg-type]
        assert frees[option] == found.forecast.memory - other.memory > 0
    assert 0.4 < frees["--accumulate 2"] / found.forecast.activations < 0.6
    text = "\n".join(found.lines())
    assert "4 pictures of 64x64 at a time, float32" in text and "--recompute" in text and "frees about" in text


def test_what_is_in_use_is_not_offered() -> None:
    found = needs(accumulate=4, recompute=True, precision="bf16")
    assert {way.option for way in found.ways} <= {"--average 0"}
    assert found.forecast.batch_size == 1


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory")],
)
def test_errors_of_memory_are_explained(error: Exception) -> None:
    expected = r"(?s)memory ran out .*What was saved is whole.*--accumulate 2"
    with pytest.raises(OutOfMemory, match=expected), explaining_memory(needs):
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), explaining_memory(needs):
        raise RuntimeError("shapes differ")


def test_a_command_that_runs_out_of_memory(make_folder: MakeFolder, tmp_path: Path) -> None:
    """A limit on memory, a real failure: exit code 1 and what would help."""
    arguments = train_arguments(make_folder(), tmp_path / "run", 4)
    arguments += ["--height", "1024", "--width", "1024", "--load-size", "1024", "--batch-size", "4"]
    script = (
        "import resource, sys\n"
        "from spadework.cli import main, train\n"  # with all that it imports: only what it does is limited
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, used + 2**29))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 1, done.stderr
    assert "error: memory ran out" in done.stderr and "--accumulate 2" in done.stderr
    assert "Traceback" not in done.stderr


# Dry runs.


def try_out(data: Path, recipe_mode: str = "resize_and_crop", **settings: object) -> DryRun:
    recipe = replace(SMALL.recipe, preprocess=recipe_mode, batch_size=1 if recipe_mode == "none" else 4)
    dataset = FolderDataset(data, settings=Preprocess(recipe_mode, 72, 64))
    chosen = replace(Settings(device="cpu", workers=0), **settings)  # type: ignore[arg-type]
    tried = dry_run(lambda: Spade(SMALL.config), recipe, dataset, chosen, 1001)
    assert tried is not None
    return tried


def test_a_dry_run(make_folder: MakeFolder) -> None:
    tried = try_out(make_folder(), accumulate=2)
    system = Spade(SMALL.config)
    expected = {name: sum(each.numel() for each in network.parameters()) for name, network in system.networks.items()}
    assert tried.networks == expected
    assert (tried.size, tried.pictures, tried.processes, tried.images) == ((64, 64), 2, 1, 1004)
    assert tried.peak_memory > 50 and tried.images_per_second > 0 and len(tried.seconds) == 3
    text = "\n".join(tried.lines())
    assert "4 pictures of 64x64, 2 at a time in each of 1 process (cpu)" in text and "for 1,004 images" in text


def test_a_dry_run_begins_and_freezes_as_the_training_would(make_folder: MakeFolder, tmp_path: Path) -> None:
    """What would not fit is said; what is frozen does not learn, so it takes less memory for gradients and moments."""
    dataset = FolderDataset(make_folder(), settings=Preprocess("resize_and_crop", 72, 64))
    kept: list[Spade] = []

    def make() -> Spade:
        kept.append(Spade(SMALL.config))
        return kept[-1]

    asked = make, replace(SMALL.recipe, batch_size=1), dataset, Settings(device="cpu", workers=0), 10
    assert dry_run(*asked, frozen=["generator"]) is not None
    assert not any(each.requires_grad for each in kept[-1].generator.parameters())
    with pytest.raises(ValueError, match="nowhere"):
        dry_run(*asked, beginning=Beginning(str(tmp_path / "nowhere")))
    with pytest.raises(ValueError, match="generatr"):
        dry_run(*asked, frozen=["generatr"])


def test_a_dry_run_takes_the_largest_picture(make_folder: MakeFolder, ontology: object) -> None:
    from PIL import Image

    data = make_folder(count=3)
    for kind, mode in (("photos", "RGB"), ("labels", "L")):
        Image.new(mode, (96, 64)).save(data / kind / "large.png")
    assert try_out(data, "none").size == (96, 64)
