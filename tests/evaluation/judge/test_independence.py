"""Whether a judge is independent of what sat in a model's losses, said in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from spadework.checksum import sha256_of
from spadework.evaluation.judge.independence import independence, photos_seen
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.perceptual import segmenter_distance
from tests.drawn_segmenter import ONTOLOGY, fresh_segmenter

Photos = tuple[str, ...]


def segmenter(
    folder: Path, *, seed: int = 0, fold: str = "judge", photos: Photos = ("a", "b"), started: str | None = None
) -> Path:
    """A segmenter's folder with such a past; its weights follow from seed and fold."""
    torch.manual_seed(seed + len(fold))
    network = fresh_segmenter(encoder="resnet18")
    start = None if started is None else {"name": "resnet18.pth", "sha256": started}
    network.training_record = {"fold": fold, "seed": seed, "encoder_weights": start}
    network.write(folder, ONTOLOGY, {}, "".join(f"{photo * 64}  {photo}.jpg\n" for photo in photos))
    return folder


def model(folder: Path, config: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def spade(folder: Path, weight: float) -> Path:
    return model(folder, {"system": "spade", "config": {"classes": 12, "perceptual_weight": weight}})


def test_a_model_without_perceptual_loss_has_nothing_to_share(tmp_path: Path) -> None:
    found = independence(segmenter(tmp_path / "judge"), spade(tmp_path / "run", 0.0))
    assert found.verdict == "independent" and "without a perceptual loss" in str(found)
    assert json.loads(json.dumps(found.to_json()))["verdict"] == "independent"


def test_vgg_shares_nothing_with_random_first_weights(tmp_path: Path) -> None:
    run = spade(tmp_path / "run", 10.0)
    found = independence(segmenter(tmp_path / "judge"), run)
    assert found.verdict == "independent" and "VGG-19, trained on ImageNet; the judge began with random" in str(found)
    found = independence(segmenter(tmp_path / "other", started="f" * 64), run)
    assert found.verdict == "unknown" and "began with the file ffffffffffff" in str(found)


def with_segmenter(folder: Path, loss: Path) -> Path:
    """A run whose config.json says what `spadework train --perceptual` writes there."""
    distance = segmenter_distance(OwnSegmenter.read(loss))
    return model(folder, {"config": {"perceptual_weight": 10.0}, "perceptual": distance.origin})


@pytest.mark.parametrize(
    ("loss", "verdict", "what"),
    [
        ({"fold": "loss", "photos": ("c",)}, "independent", "nor photos: each learnt from its own half"),
        ({"fold": "all", "photos": ("c",)}, "unknown", "on fold 'judge', the other on fold 'all'"),
        ({"fold": "judge"}, "shared", "both are the same network"),
        ({"fold": "loss", "started": "f" * 64}, "shared", "the encoder's first weights (file ffffffffffff)"),
    ],
)
def test_the_segmenter_in_a_runs_loss(loss: dict[str, Any], verdict: str, what: str, tmp_path: Path) -> None:
    judge = segmenter(tmp_path / "judge", started=loss.get("started"))
    found = independence(judge, with_segmenter(tmp_path / "run", segmenter(tmp_path / "loss", **loss)))
    assert found.verdict == verdict and what in str(found)


def test_a_segmenter_in_a_loss_without_a_past_is_unknown(tmp_path: Path) -> None:
    run = with_segmenter(tmp_path / "run", segmenter_without_past(tmp_path / "old"))
    assert independence(segmenter(tmp_path / "judge"), run).verdict == "unknown"


@pytest.mark.parametrize("config", [{"system": "x"}, {"config": {}}, {"config": None}, [], {"config": {"classes": 3}}])
def test_configs_that_say_nothing(config: Any, tmp_path: Path) -> None:
    found = independence(segmenter(tmp_path / "judge"), model(tmp_path / "run", config))
    assert found.verdict == "unknown" and "does not say whether a perceptual loss was used" in str(found)


def test_photos_alone_tell_nothing(tmp_path: Path) -> None:
    judge = segmenter(tmp_path / "judge")
    assert independence(judge, None).verdict == "unknown"
    (tmp_path / "photos").mkdir()
    found = independence(judge, tmp_path / "photos")
    assert found.verdict == "unknown" and "has no config.json" in str(found)


def test_the_other_half_and_another_seed_are_independent(tmp_path: Path) -> None:
    judge, run = segmenter(tmp_path / "judge"), spade(tmp_path / "run", 0.0)
    loss = segmenter(tmp_path / "loss", fold="loss", photos=("c", "d", "e"))
    found = independence(judge, run, [loss])
    assert found.verdict == "independent" and len(found.findings) == 2
    assert "neither weights nor seed nor any of its 2 training photos" in found.findings[1]


@pytest.mark.parametrize(
    ("past", "what"),
    [
        ({"fold": "all", "photos": ("b", "c")}, "1 of its 2 training photos"),
        ({"photos": ("c",)}, "seed and fold (0, judge)"),
        ({"fold": "loss", "photos": ("c",), "started": "f" * 64}, "the encoder's first weights (file ffffffffffff)"),
    ],
)
def test_what_is_shared_is_said(past: dict[str, Any], what: str, tmp_path: Path) -> None:
    judge = segmenter(tmp_path / "judge", started="f" * 64)
    found = independence(judge, spade(tmp_path / "run", 0.0), [segmenter(tmp_path / "loss", **past)])
    assert found.verdict == "shared" and what in found.findings[1] and str(found).startswith("not independent: ")


def test_the_judge_itself_is_found_in_a_loss(tmp_path: Path) -> None:
    judge = segmenter(tmp_path / "judge")
    found = independence(judge, None, [judge])
    assert found.verdict == "shared" and "both are the same network, or started from it" in str(found)


@pytest.mark.parametrize(
    ("fold", "verdict", "what"),
    [
        ("judge", "independent", "nor photos: each learnt from its own half"),
        ("all", "unknown", "the judge was trained on fold 'all' and fold 'judge', the other on fold 'loss'"),
    ],
)
def test_what_a_judge_started_from_counts(fold: str, verdict: str, what: str, tmp_path: Path) -> None:
    loss = segmenter(tmp_path / "loss", fold="loss", photos=("c",))
    first = segmenter(tmp_path / "first", seed=5, fold=fold)
    found = independence(continued(first, tmp_path / "judge"), with_segmenter(tmp_path / "run", loss))
    assert found.verdict == verdict and what in str(found)


def test_a_judge_that_started_from_a_loss_network_shares_it(tmp_path: Path) -> None:
    loss = segmenter(tmp_path / "loss", fold="loss", photos=("c",))
    judge = continued(loss, tmp_path / "judge", seed=1)
    for found in (
        independence(judge, with_segmenter(tmp_path / "run", loss)),
        independence(judge, None, [loss]),
    ):
        assert found.verdict == "shared" and "started from it" in str(found) and "seed and fold (0, loss)" in str(found)


def continued(first: Path, folder: Path, seed: int = 0) -> Path:
    """A judge that started from another segmenter."""
    described = json.loads((first / "segmenter.json").read_text())
    record = {key: described[key] for key in ("weights_sha256", "training")}
    network = fresh_segmenter(encoder="resnet18")
    network.training_record = {"fold": "judge", "seed": seed, "encoder_weights": None, "start_from": record}
    network.write(folder, ONTOLOGY, {}, "")
    return folder


def test_photos_that_a_judge_knows_are_counted(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.jpg" for name in "abc"]
    for file in files:
        file.write_text(file.name)
    judge = segmenter(tmp_path / "judge")
    (judge / "photos.sha256").write_text("".join(f"{sha256_of(file)}  {file.name}\n" for file in files[:2]))
    assert photos_seen(judge, files) == 2 and photos_seen(judge, files[2:]) == 0


def test_folders_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no segmenter: it has no segmenter\.json"):
        independence(tmp_path, None)
    judge = segmenter(tmp_path / "judge")
    (judge / "photos.sha256").unlink()
    with pytest.raises(ValueError, match=r"it has no photos\.sha256"):
        independence(judge, None)
    with pytest.raises(ValueError, match=r"does not say how it was trained"):
        independence(segmenter_without_past(tmp_path / "old"), None)


def segmenter_without_past(folder: Path) -> Path:
    fresh_segmenter(encoder="resnet18").write(folder, ONTOLOGY, {}, "")
    return folder
