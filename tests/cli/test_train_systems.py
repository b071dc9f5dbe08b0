"""Every system goes the same way: trained, killed, resumed, and photos from it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from spadework.training.run import Run
from tests.cli.small import run, start
from tests.training.test_loop import assert_same, last_state, wait_for

MakeFolder = Callable[..., Path]

SMALL: dict[str, tuple[str, ...]] = {
    "oasis": ("--discriminator-layers", "3", "--style-size", "3"),
    "spade-plus": ("--discriminator-layers", "2"),
}


def arguments(system: str, data: Path, out: Path, images: int, *more: str) -> list[str]:
    size = ("--height", "32", "--width", "64", "--load-size", "70", "--batch-size", "2")
    widths = ("--generator-width", "1", "--hidden", "4", "--discriminator-width", "4")
    where = ("--workers", "0", "--device", "cpu", "--data", str(data), "--out", str(out), "--images", str(images))
    return ["train", system, "--preset", "tiny", *size, *widths, *SMALL[system], *where, *more]


@pytest.mark.slow
@pytest.mark.parametrize("system", SMALL)
def test_killed_resumed_and_used(system: str, make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(count=5)
    often = ("--checkpoint-every", "4", "--sample-every", "1000", "--log-every", "2")
    code, _, errors = run(*arguments(system, data, tmp_path / "whole", 40, *often))
    assert code == 0, errors

    # Killed where it stands, then on to the end: to the last bit what one go gives.
    killed = start(*arguments(system, data, tmp_path / "run", 40, *often))
    wait_for(tmp_path / "run/checkpoints/000000008.pt", killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert 8 <= last_state(tmp_path / "run")["images"] < 40
    assert run(*arguments(system, data, tmp_path / "run", 40, *often, "--resume"))[0] == 0
    assert_same(last_state(tmp_path / "run"), last_state(tmp_path / "whole"))
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()

    # The average is kept and used, with statistics of its own.
    state = last_state(tmp_path / "run")
    trained, averaged = state["networks"]["generator"], state["average"]["weights"]
    assert not torch.equal(trained["to_photo.weight"], averaged["generator.to_photo.weight"])
    assert Run(tmp_path / "run").sample_path(40).is_file()

    # Photos; another seed gives another where there is noise.
    photos = []
    for seed in ("1", "2"):
        out = tmp_path / f"photos{seed}"
        code, _, errors = run("generate", tmp_path / "run", data / "labels/p0.png", "--seed", seed, "--out", out)
        assert code == 0, errors
        photos.append(Image.open(out / "p0.png").tobytes())
    assert (photos[0] != photos[1]) == (system == "oasis")
