"""What the log of a training says in plain words, and when it says nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from spadework.training.hints import best_of, hints, series


def healthy(share: float, noise: random.Random) -> dict[str, dict[str, float]]:
    """Losses and scores of a training that goes well, at a share of its way."""
    return {
        "losses": {
            "gan": -0.2 + noise.gauss(0, 0.2),
            "feature_matching": 4 + 4 * math.exp(-3 * share) + noise.gauss(0, 0.3),
            "kl": 0.05 + 0.1 * share,
            "fake": 0.8 + noise.gauss(0, 0.1),
            "real": 0.7 + noise.gauss(0, 0.1),
        },
        "scores": {
            "sharpness": 0.4 + 0.55 * share,
            "spectral_peak": 2.0,
            "style_diversity": 0.05 + 0.05 * share,
            "real_seen": 0.7,
            "real_held_out": 0.9,
            "mean_iou": 0.5 * share,
        },
    }


def log(change: Callable[[float, Any], None] = lambda share, line: None) -> list[dict[str, Any]]:
    """60 lines, every fifth of them with scores, after `change` spoilt them."""
    noise = random.Random(0)
    lines = []
    for number in range(1, 61):
        line: dict[str, Any] = healthy(number / 60, noise)
        change(number / 60, line)
        if number % 5:
            del line["scores"]
        lines.append({"images": 1000 * number, **line})
    return lines


def saturated(share: float, line: Any) -> None:
    if share > 0.5:
        line["losses"] |= {"real": 0.01, "fake": 0.02}


def undecided(share: float, line: Any) -> None:
    line["losses"] |= {"real": 1.001, "fake": 0.999, "gan": 0.001}


def backwards(share: float, line: Any) -> None:
    if share > 0.7:
        line["losses"]["feature_matching"] *= 2


def ignored(share: float, line: Any) -> None:
    line["losses"]["kl"] = 1e-5


def collapsed(share: float, line: Any) -> None:
    line["scores"]["style_diversity"] = 0.1 * (1 - share) ** 2


def chequered(share: float, line: Any) -> None:
    line["scores"]["spectral_peak"] = 20 * share


def by_heart(share: float, line: Any) -> None:
    line["scores"] |= {"real_seen": 0.1, "real_held_out": 0.3 + share}


def blurred(share: float, line: Any) -> None:
    line["scores"]["sharpness"] = 0.3


def noisy(share: float, line: Any) -> None:
    line["scores"]["sharpness"] = 1.8


def past_its_best(share: float, line: Any) -> None:
    line["scores"]["mean_iou"] = 0.4 - abs(share - 0.4)


SPOILT = {
    "discriminator saturated": saturated,
    "discriminator undecided": undecided,
    "learning rate too high": backwards,
    "style encoder ignored": ignored,
    "mode collapse": collapsed,
    "checkerboard": chequered,
    "discriminator overfits": by_heart,
    "blurred": blurred,
    "noisy": noisy,
    "no longer better": past_its_best,
}


def test_a_training_that_goes_well_gets_no_hint() -> None:
    assert hints(log(), "mean_iou") == []
    assert hints([]) == []


@pytest.mark.parametrize("name", SPOILT)
def test_each_trouble_is_named_alone_with_its_cure(name: str) -> None:
    (hint,) = hints(log(SPOILT[name]), "mean_iou")
    assert hint.name == name
    assert hint.seen and hint.cure and not hint.seen.endswith(".") and str(hint) == f"{hint.seen}. {hint.cure}"


@pytest.mark.parametrize("name", SPOILT)
def test_nothing_is_said_too_early(name: str) -> None:
    lines = [{**line, "images": line["images"] // 100} for line in log(SPOILT[name])]
    assert hints(lines, "mean_iou") == []
    assert hints(log(SPOILT[name])[:4]) == []


def test_numbers_that_are_none_and_losses_of_other_systems_do_no_harm() -> None:
    lines = log()
    for line in lines:
        line["losses"] = {"segmentation": math.nan, "fake": math.inf, "label_mix": 0.1}
    assert hints(lines) == []


def test_the_best_of_a_score_goes_by_its_kind() -> None:
    values = [(10, 0.3), (20, 0.5), (30, 0.5), (40, 0.1)]
    assert best_of(values, "mean_iou") == (20, 0.5)
    assert best_of(values, "segmenter_frechet") == (40, 0.1)
    assert series(log(), "scores")["mean_iou"][0] == (5000, pytest.approx(0.5 * 5 / 60))
