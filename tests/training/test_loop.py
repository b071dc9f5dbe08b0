"""The training loop: exact resume, interruptions, kills, full disks, losses that are no numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import spadework
from spadework.atomic import DiskFullError
from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.log import read_log
from spadework.systems import PRESETS
from spadework.systems.base import Recipe, System
from spadework.systems.spade import Spade, SpadeConfig
from spadework.training.loop import train
from spadework.training.run import Run
from spadework.training.settings import Settings
from tests.cli.small import start, train_arguments
from tests.full_disk import KINDS, little_room
from tests.training import forked

MakeFolder = Callable[..., Path]

CONFIG: SpadeConfig = replace(
    PRESETS["spade"]["tiny"].config,
    classes=5,
    height=32,
    width=32,
    generator_width=1,
    hidden=4,
    discriminator_width=4,
    discriminator_layers=2,
)
STYLED = replace(CONFIG, stem="style", style_size=8, encoder=True, encoder_width=2, encoder_input=32)
RECIPE = Recipe(batch_size=2, load_size=36)
SETTINGS = Settings(device="cpu", workers=0, checkpoint_every=4, sample_every=1000, log_every=2)


def learn(
    data: Path,
    out: Path,
    images: int,
    *,
    config: SpadeConfig = CONFIG,
    recipe: Recipe = RECIPE,
    settings: Settings = SETTINGS,
    resume: bool = False,
    make_system: Callable[[], System] | None = None,
    **more: Any,
) -> None:
    folder = Preprocess("resize_and_crop", recipe.load_size, config.width)
    dataset = FolderDataset(data, settings=folder)
    previews = FolderDataset(data, settings=replace(folder, load_size=config.width), training=False)
    train(
        make_system or (lambda: Spade(config)),
        "spade",
        recipe,
        dataset,
        previews,
        Run(out),
        settings,
        images,
        resume=resume,
        **more,
    )


def last_state(out: Path) -> dict[str, Any]:
    checkpoint = Run(out).latest_checkpoint()
    assert checkpoint is not None
    return {"images": checkpoint.images, **checkpoint.state}


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last bit, all the way down."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("config", "precision"),
    [(CONFIG, "float32"), (STYLED, "float32"), (STYLED, "bf16")],
    ids=["label map", "style", "style, bf16"],
)
def test_resume_is_bit_exact(
    make_folder: MakeFolder, tmp_path: Path, config: SpadeConfig, precision: Literal["float32", "bf16"]
) -> None:
    """Weights, averages and optimisers after 8 + 6 images with a stop between are those of 14 in one go."""
    data = make_folder(count=5)
    recipe, settings = replace(RECIPE, average=0.9), replace(SETTINGS, checkpoint_every=1000, precision=precision)
    learn(data, tmp_path / "whole", 14, config=config, recipe=recipe, settings=settings)
    learn(data, tmp_path / "parts", 8, config=config, recipe=recipe, settings=settings)
    between = last_state(tmp_path / "parts")
    learn(data, tmp_path / "parts", 14, config=config, recipe=recipe, settings=settings, resume=True)

    assert between["images"] == 8
    assert_same(last_state(tmp_path / "parts"), last_state(tmp_path / "whole"))
    assert (tmp_path / "parts/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()

    # The run did learn between the two, and the log holds every line once.
    moved = [
        not torch.equal(between["networks"]["generator"][key], value)
        for key, value in last_state(tmp_path / "parts")["networks"]["generator"].items()
        if key.endswith("weight")
    ]
    assert all(moved)
    assert [line["images"] for line in read_log(tmp_path / "parts")] == [2, 4, 6, 8, 10, 12, 14]


def test_loaders_do_not_matter(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(count=5)
    learn(data, tmp_path / "none", 8)
    learn(data, tmp_path / "two", 8, settings=replace(SETTINGS, workers=2))
    assert_same(last_state(tmp_path / "none"), last_state(tmp_path / "two"))


def test_seeds_differ(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(count=5)
    learn(data, tmp_path / "one", 2)
    learn(data, tmp_path / "two", 2, settings=replace(SETTINGS, seed=1))
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert not torch.equal(one["generator.stem.weight"], two["generator.stem.weight"])


def test_model_is_the_average(make_folder: MakeFolder, tmp_path: Path) -> None:
    """Where weights are averaged, the finished model and the sample sheets are made of the averages."""
    learn(make_folder(), tmp_path / "run", 4, recipe=replace(RECIPE, average=0.9))
    state = last_state(tmp_path / "run")
    model = load_file(tmp_path / "run/model.safetensors")
    averages = state["average"]["weights"]
    assert model.keys() == averages.keys()
    for key, value in model.items():
        # Power iterations and running statistics are made to fit the averaged weights.
        follows = key.endswith(("weight_u", "weight_v", "running_mean", "running_var", "num_batches_tracked"))
        assert follows or torch.equal(value, averages[key]), key
    key = "generator.stem.weight"
    assert not torch.equal(model[key], state["networks"]["generator"]["stem.weight"])
    for key, u in ((key, value) for key, value in model.items() if key.endswith("weight_u")):
        weight = model[key.removesuffix("_u")].flatten(1)
        sigma = u @ weight @ model[key.removesuffix("_u") + "_v"]
        torch.testing.assert_close(sigma, torch.linalg.matrix_norm(weight, 2), rtol=0.05, atol=0)


def test_samples_show_what_generating_gives(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(count=1)
    learn(data, tmp_path / "run", 4, recipe=replace(RECIPE, average=0.9))
    sheet = Image.open(tmp_path / "run/samples/000000004.png")

    label = Image.open(data / "labels/p0.png").resize((32, 32), Image.Resampling.NEAREST)
    photo = spadework.load(tmp_path / "run")(label)
    fake = sheet.crop((4 + 2 * 36, 4, 4 + 2 * 36 + 32, 36))
    difference = torch.tensor(list(fake.tobytes())).sub(torch.tensor(list(photo.tobytes()))).abs()
    assert difference.max() <= 1  # folded spectral norms round differently


def test_log_tells_losses_rates_speed_and_memory(make_folder: MakeFolder, tmp_path: Path) -> None:
    learn(make_folder(), tmp_path / "run", 4)
    line = read_log(tmp_path / "run")[-1]
    assert line["images"] == 4
    assert line["losses"].keys() == {"gan", "feature_matching", "fake", "real"}
    assert line["learning_rates"] == {"generator": 1e-4, "discriminator": 4e-4}
    assert line["images_per_second"] > 0 and line["eta_seconds"] == 0 and line["peak_memory_mib"] > 50


def test_a_run_is_not_overwritten(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    learn(data, tmp_path / "run", 4)
    before = last_state(tmp_path / "run")
    with pytest.raises(ValueError, match=r"holds a run of 4 images: add --resume"):
        learn(data, tmp_path / "run", 4)
    with pytest.raises(ValueError, match=r"config\.learning_rate was 0\.0002, now 0\.1"):
        learn(data, tmp_path / "run", 8, config=replace(CONFIG, learning_rate=0.1), resume=True)
    with pytest.raises(ValueError, match=r"data\.pairs was 5, now 6"):
        learn(make_folder("other", count=6), tmp_path / "run", 8, resume=True)
    assert_same(last_state(tmp_path / "run"), before)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()

    class Explodes(Spade):
        def turns(self, batch: Any, progress: Any, draw: Any) -> Any:
            for player, losses in super().turns(batch, progress, draw):
                factor = float("nan") if progress.images >= 6 else 1.0
                yield player, {name: loss * factor for name, loss in losses.items()}

    with pytest.raises(FloatingPointError, match=r"stopped after 6 images: .*gan nan.*000000004\.pt, is good"):
        learn(data, tmp_path / "run", 100, make_system=lambda: Explodes(CONFIG))
    assert last_state(tmp_path / "run")["images"] == 4

    # From there it goes on as if nothing had been.
    learn(data, tmp_path / "run", 8, resume=True)
    learn(data, tmp_path / "undisturbed", 8)
    assert_same(last_state(tmp_path / "run"), last_state(tmp_path / "undisturbed"))


def test_resuming_a_finished_run_mends_its_model(make_folder: MakeFolder, tmp_path: Path) -> None:
    """A kill right after the last checkpoint leaves no model.safetensors, or an older one."""
    data = make_folder()
    learn(data, tmp_path / "run", 4)
    weights = (tmp_path / "run/model.safetensors").read_bytes()
    (tmp_path / "run/model.safetensors").unlink()
    learn(data, tmp_path / "run", 4, resume=True)
    assert (tmp_path / "run/model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_stops_and_keeps_the_last_checkpoint(make_folder: MakeFolder, tmp_path: Path, kind: str) -> None:
    data = make_folder()
    small = replace(SETTINGS, checkpoint_every=2)
    with little_room(kind, tmp_path / "room") as room:
        learn(data, room / "run", 2, settings=small)
        saved = last_state(room / "run")
        (room / "run/ballast").write_bytes(bytes(100))
        filler = 2**21 if kind == "limited file size" else 10**9
        with pytest.raises(DiskFullError, match=r"no space|full|room"):
            fill_and_learn(data, room, small, filler)
        assert_same(last_state(room / "run"), saved)


def fill_and_learn(data: Path, room: Path, settings: Settings, size: int) -> None:
    """Leaves no room in the folder, or grows the checkpoint beyond what a file may hold, and trains on."""
    import contextlib

    if size > 2**21:
        with contextlib.suppress(OSError), (room / "filler").open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        learn(data, room / "run", 4, settings=settings, resume=True)
        return
    with pytest.MonkeyPatch.context() as patch:
        from spadework.training import save

        state_of = save.state_of
        patch.setattr(save, "state_of", lambda *parts: {**state_of(*parts), "ballast": torch.zeros(2**20)})
        learn(data, room / "run", 4, settings=settings, resume=True)


def wait_for(path: Path, process: subprocess.Popen[str] | BaseProcess) -> None:
    """Until a file is there, or its maker has ended."""
    running = process.is_alive if isinstance(process, BaseProcess) else lambda: process.poll() is None
    deadline = time.monotonic() + 600
    while not path.exists() and running() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_killed_loader_says_what_to_do(make_folder: MakeFolder, tmp_path: Path) -> None:
    """As when memory runs out: one line instead of a stack of calls, and the last checkpoint stays good."""
    data = make_folder(count=5)
    arguments = train_arguments(data, tmp_path / "run", 4000, "--checkpoint-every", "4", "--workers", "1")
    training = start(*arguments)
    wait_for(tmp_path / "run/checkpoints/000000008.pt", training)
    children = Path(f"/proc/{training.pid}/task/{training.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    _, errors = training.communicate(timeout=120)
    assert training.returncode == 1 and children
    assert "with fewer --workers" in errors and "Traceback" not in errors
    assert last_state(tmp_path / "run")["images"] >= 8


def test_train_kill_resume_generate(make_folder: MakeFolder, tmp_path: Path) -> None:
    """kill -9 and SIGTERM in the middle, from a shell's point of view: the end is that of an undisturbed run."""
    data, told = make_folder(count=5), tmp_path / "told.txt"
    often = ("--checkpoint-every", "4", "--log-every", "4", "--evaluate-every", "1000")
    assert forked.run(train_arguments(data, tmp_path / "whole", 40, *often), told) == 0
    resume = train_arguments(data, tmp_path / "run", 40, *often, "--resume")

    # Killed where it stands.
    killed = forked.start(resume, told)
    wait_for(tmp_path / "run/checkpoints/000000008.pt", killed)
    os.kill(killed.pid or 0, signal.SIGKILL)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL and last_state(tmp_path / "run")["images"] >= 8

    # Asked to stop: saves first, and says so.
    stopped = forked.start(resume, told)
    wait_for(tmp_path / "run/checkpoints/000000012.pt", stopped)
    os.kill(stopped.pid or 0, signal.SIGTERM)
    stopped.join()
    assert stopped.exitcode == 130 and "is saved; go on with --resume" in told.read_text()
    assert 12 <= last_state(tmp_path / "run")["images"] < 40

    # On to the end, and a photo from it.
    assert forked.run(resume, told) == 0
    assert_same(last_state(tmp_path / "run"), last_state(tmp_path / "whole"))
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    arguments = ["generate", tmp_path / "run", data / "labels/p0.png", "--out", tmp_path / "photos"]
    assert forked.run([str(argument) for argument in arguments], told) == 0, told.read_text()
    assert Image.open(tmp_path / "photos/p0.png").size == (32, 24)
