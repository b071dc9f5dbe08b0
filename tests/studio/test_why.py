"""Why: gamma and beta are those of the layer's own convolutions, the window is the one under the pixel."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from spadework.layers.modulation import SPADE
from spadework.model_folder import read_model, write_model
from spadework.semantics import Semantics, resize_nearest
from spadework.systems.clade import Clade, CladeConfig
from spadework.systems.spade import Spade
from tests import tiny
from tests.studio.served import Client, InThread, Served, ids, pixels, png, text


def ask(served: Client, label_map: np.ndarray, **more: object) -> dict[str, Any]:
    answer = served.post("/v1/why", {"label_map": text(png(label_map)), **more})
    assert answer.status == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def shown(heat: dict[str, Any]) -> np.ndarray:
    values = pixels(base64.b64decode(heat["picture"])).astype(float) / 255
    return np.asarray(heat["min"] + values * (heat["max"] - heat["min"]))


def dense(
    model: Path, layer_name: str, label_map: np.ndarray, size: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """gamma and beta [C, h, w] as the paper draws them, from the trained layer."""
    system = read_model(model).system
    layer = dict(system.generator.named_modules())[layer_name]
    assert isinstance(layer, SPADE)
    index = tiny.ONTOLOGY.to_index(label_map)[None]
    one_hot = Semantics.from_label_map(index, 5).dense(size)
    with torch.no_grad():
        hidden = F.relu(layer.shared(one_hot))
        return layer.gamma(hidden)[0], layer.beta(hidden)[0]


@pytest.mark.parametrize("layer", [None, "blocks.2.norm_0", "blocks.5.norm_s"])
@pytest.mark.parametrize("channel", [None, 2])
def test_heat_is_what_the_paper_draws(served: Served, model: Path, layer: str | None, channel: int | None) -> None:
    label_map = ids(2)
    found = ask(served, label_map, layer=layer, channel=channel)
    assert found["layer"] == (layer or found["layers"][-1])
    size = tuple(found["size"])
    for name, expected in zip(("gamma", "beta"), dense(model, found["layer"], label_map, size), strict=True):
        assert len(expected) == found["channels"]
        values = expected.abs().mean(0) if channel is None else expected[channel]
        heat = found[name]
        assert heat["min"] == pytest.approx(float(values.min()), abs=1e-5)
        assert heat["max"] == pytest.approx(float(values.max()), abs=1e-5)
        step = (heat["max"] - heat["min"]) / 255
        full = resize_nearest(values, (64, 64)).numpy()
        np.testing.assert_allclose(shown(heat), full, atol=step / 2 + 1e-5)


@pytest.mark.parametrize("at", [(0, 0), (63, 63), (31, 40), (5, 58)])
def test_the_window_under_a_pixel(served: Served, model: Path, at: tuple[int, int]) -> None:
    label_map = ids(2)
    found = ask(served, label_map, at=at, layer="blocks.6.norm_0")
    (x, y), window = at, found["window"]
    padded = np.pad(label_map.astype(object), 2, constant_values=None)
    assert window["labels"] == padded[y : y + 5, x : x + 5].tolist()

    # Counted by comparing windows one by one.
    alike = sum(
        padded[i : i + 5, j : j + 5].tolist() == window["labels"] for i in range(64) for j in range(64)
    )
    assert window["share"] == pytest.approx(alike / 4096)
    gamma, beta = dense(model, "blocks.6.norm_0", label_map, (64, 64))
    assert window["gamma"] == pytest.approx(float(gamma[:, y, x].abs().mean()), abs=1e-5)
    assert window["beta"] == pytest.approx(float(beta[:, y, x].abs().mean()), abs=1e-5)
    assert [row["name"] for row in window["layers"]] == found["layers"]
    (mine,) = (row for row in window["layers"] if row["name"] == "blocks.6.norm_0")
    assert mine["gamma"] == window["gamma"] and mine["share"] == window["share"]


def test_sizes_that_are_padded(served: Served) -> None:
    found = ask(served, ids(1, 40, 50), at=[49, 39])
    assert shown(found["gamma"]).shape == (40, 50)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"layer": "blocks.9"}, "blocks.0.norm_0"), ({"channel": 10**6}, "channels 0.."), ({"at": [64, 0]}, "outside")],
)
def test_wrong_questions_are_told(served: Served, more: dict[str, object], words: str) -> None:
    answer = served.post("/v1/why", {"label_map": text(png(ids())), **more})
    assert answer.status == 422 and words in f"{answer.error['message']} {answer.error['cure']}"


def test_clade_has_windows_of_one_pixel(tmp_path: Path) -> None:
    small = {name: getattr(tiny.config(), name) for name in ("height", "width", "generator_width", "norm")}
    small |= {"discriminator_width": 4, "discriminator_layers": 3, "perceptual_weight": 0.0}
    torch.manual_seed(0)
    system = tiny.lively(Clade(CladeConfig(classes=5, unlabelled=4, **small)))
    write_model(tmp_path / "clade", "clade", system, tiny.ONTOLOGY)
    weights = dict(read_model(tmp_path / "clade").system.generator.named_modules())
    with InThread(tmp_path / "clade") as served:
        found = ask(served, ids(2), at=[3, 3])
        label = int(ids(2)[3, 3])
        assert found["window"]["labels"] == [[label]]
        assert found["window"]["share"] == pytest.approx(float((ids(2) == label).mean()))
        layer: Any = weights[found["layer"]]
        row = layer.affine.weight[int(tiny.ONTOLOGY.to_index(np.array([label]))[0])]
        assert found["window"]["gamma"] == pytest.approx(float(row.abs().mean()), abs=1e-5)
        assert served.get("/v1/model").json()["style"]["size"] == 0
        noted = served.post("/v1/generate", {"label_map": text(png(ids())), "style": {"seed": 3}})
        assert noted.status == 200 and "no style input" in noted.heads["x-spadework-note"]
        silent = served.post("/v1/generate", {"label_map": text(png(ids()))})
        assert "x-spadework-note" not in silent.heads


def test_a_generator_without_modulation_has_nothing_to_show(tmp_path: Path) -> None:
    torch.manual_seed(0)
    write_model(tmp_path / "concat", "spade", tiny.lively(Spade(tiny.config(conditioning="concat"))), tiny.ONTOLOGY)
    with InThread(tmp_path / "concat") as served:
        answer = served.post("/v1/why", {"label_map": text(png(ids()))})
        assert answer.status == 404 and answer.error["code"] == "no_modulation"


def test_figure_3_as_a_toy(served: Served) -> None:
    found = served.get("/v1/figure3").json()
    assert [row["label"] for row in found["rows"]] == ["sky", "hill", "lake", "tree"]
    washed = [row["washed"] for row in found["rows"]]
    assert len(set(washed)) == 1 and len({row["spade"] for row in found["rows"]}) == 4
    assert found["numbers"]["washed"] == 0 and found["numbers"]["spade"] > 0.3
    assert pixels(base64.b64decode(washed[0])).shape == (64, 64, 3)
