"""README.md says what is true: its commands run, in its order, and so does its Python."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.upstream.synthetic import generator

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """The lines of README's shell blocks, without their comments."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def make_park(folder: Path) -> None:
    """The data folder that README speaks of, with coco's ids in it, so that every model can read its maps."""
    for kind in ("photos", "labels"):
        (folder / kind).mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in "abcdefgh":
        label = np.zeros((64, 64), np.uint8)
        label[int(random.integers(20, 44)) :] = 1
        colors = np.array([(90, 160, 230), (70, 150, 60)], np.uint8)[label]
        noisy = np.clip(colors + random.normal(0, 8, colors.shape), 0, 255).astype(np.uint8)
        Image.fromarray(label).save(folder / "labels" / f"{name}.png")
        Image.fromarray(noisy).save(folder / "photos" / f"{name}.jpg")
    (folder / "ontology.json").write_text(
        '{"name": "park", "classes": [{"id": 0, "name": "sky", "color": [90, 160, 230]},'
        ' {"id": 1, "name": "grass", "color": [70, 150, 60]}]}'
    )


def test_readme_shows_commands_and_python() -> None:
    assert {words[0] for words in commands()} == {"make", "spadework"}
    assert {words[1] for words in commands() if words[0] == "spadework"} == {"check", "train", "generate", "convert"}
    assert len(blocks("python")) == 2


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / link).exists(), link


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for words in commands():
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words


def test_the_layer_alone() -> None:
    names: dict[str, torch.Tensor] = {}
    exec(blocks("python")[1], names)
    assert names["features"].shape == (2, 64, 32, 32)


@pytest.mark.slow
def test_every_command_in_order(tmp_path: Path) -> None:
    """As a new user would, but for the released checkpoint: one with its keys, and fewer channels."""
    make_park(tmp_path / "park")
    torch.manual_seed(0)
    torch.save(generator(width=2, channels=184), tmp_path / "latest_net_G.pth")
    for words in commands():
        if words[0] == "spadework":
            done = subprocess.run(
                [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"

    # What README promises them to leave behind.
    assert "<h2>Findings</h2>" in (tmp_path / "check.html").read_text()
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 8
    assert (tmp_path / "runs/park/samples/000000800.png").is_file()
    assert (tmp_path / "upstream/latest_net_G.pth").is_file()
    seed, photo = (Image.open(tmp_path / "pictures" / look / "a.png").tobytes() for look in ("seed", "photo"))
    assert seed != photo

    # The Python that goes with them.
    program = blocks("python")[0]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "photo.png").size == (64, 64)
