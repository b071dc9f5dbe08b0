"""Whether a judge is independent: of the networks inside a model's losses, and of the photos that it is asked about.

A generator learns to please whatever sits in its loss. A judge that shares weights, random numbers or photos with such
a network would praise it for that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from spadework.checksum import sha256_of
from spadework.segmenters.own import PHOTOS, SEGMENTER

Verdict = Literal["independent", "unknown", "shared"]
_BADNESS: tuple[Verdict, ...] = get_args(Verdict)
_IN_WORDS = {"independent": "independent", "unknown": "of unknown independence", "shared": "not independent"}


@dataclass(frozen=True)
class Independence:
    """What was found, in words."""

    verdict: Verdict
    findings: tuple[str, ...]
    """One sentence for each network that was compared."""

    def __str__(self) -> str:
        return f"{_IN_WORDS[self.verdict]}: {'; '.join(self.findings)}"

    def to_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {"verdict": self.verdict, "findings": list(self.findings)}


def independence(judge: Path, model: Path | None, loss_networks: Sequence[Path] = ()) -> Independence:
    """Compare the judge in a folder with the networks inside the losses of a model (or run) folder.

    `loss_networks` are folders of further segmenters that were used in its losses, of which its config.json says
    nothing. `model` is None where only photos are known. Raises ValueError where a segmenter's folder can't be read.
    """
    ours = _Origin.read(judge)
    found = [_with_model(ours, model), *(_with_segmenter(ours, _Origin.read(path), path) for path in loss_networks)]
    worst = max((verdict for verdict, _ in found), key=_BADNESS.index)
    return Independence(worst, tuple(finding for _, finding in found))


def photos_seen(judge: Path, photos: Sequence[Path]) -> int:
    """How many of these photo files the judge in a folder was trained on; any but 0 makes its scores too good."""
    seen = _Origin.read(judge).photos
    return sum(sha256_of(photo) in seen for photo in photos)


@dataclass(frozen=True)
class _Past:
    """Where weights come from: the training that made them, and those of the segmenters that it started from."""

    weights: frozenset[str]
    """SHA-256 of each segmenter's weights."""
    trainings: frozenset[tuple[str, int]]
    """Fold and seed of each: together they give all random numbers."""
    encoders: frozenset[str]
    """SHA-256 of the files that an encoder began with; none for random weights."""

    @classmethod
    def of(cls, weights_sha256: str, training: dict[str, Any]) -> _Past:
        file, earlier = training["encoder_weights"], training.get("start_from")
        before = cls(*3 * (frozenset(),)) if earlier is None else cls.of(earlier["weights_sha256"], earlier["training"])
        return cls(
            before.weights | {weights_sha256},
            before.trainings | {(training["fold"], training["seed"])},
            before.encoders | ({file["sha256"]} if file else set()),
        )

    @property
    def folds(self) -> frozenset[str]:
        return frozenset(fold for fold, _ in self.trainings)


@dataclass(frozen=True)
class _Origin:
    """Where a segmenter comes from, and the photos that it has learnt from."""

    past: _Past
    photos: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> _Origin:
        try:
            description = json.loads((folder / SEGMENTER).read_text(encoding="utf-8"))
            lines = (folder / PHOTOS).read_text(encoding="utf-8").splitlines()
            return cls(
                _Past.of(description["weights_sha256"], description["training"]),
                frozenset(line.split(" ", 1)[0] for line in lines),
            )
        except FileNotFoundError as error:
            raise ValueError(f"{folder} is no segmenter: it has no {Path(error.filename).name}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder}: {SEGMENTER} does not say how it was trained ({error!r})") from None


def _with_model(judge: _Origin, model: Path | None) -> tuple[Verdict, str]:
    if model is None:
        return "unknown", "no model is known, only photos: what its losses held can't be said"
    try:
        description = json.loads((model / "config.json").read_text(encoding="utf-8"))
        weight = description["config"]["perceptual_weight"]
        network = description.get("perceptual", {})
    except FileNotFoundError:
        return "unknown", f"{model} has no config.json: what its losses held can't be said"
    except (KeyError, TypeError, ValueError):
        return "unknown", f"{model / 'config.json'} does not say whether a perceptual loss was used"
    if not weight:
        return "independent", "the model was trained without a perceptual loss, so no trained network was in its losses"
    if network.get("network") == "segmenter":
        return _with_described(judge, network)
    vgg = f"the model's perceptual loss (weight {weight:g}) is VGG-19, trained on ImageNet"
    if judge.past.encoders:
        what = f"the judge's encoder began with the file {min(judge.past.encoders)[:12]}"
        return "unknown", f"{vgg}; {what}, which may come from the same photos"
    return "independent", (
        f"{vgg}; the judge began with random weights and saw {len(judge.photos)} photos of its own data only"
    )


def _with_described(judge: _Origin, network: dict[str, Any]) -> tuple[Verdict, str]:
    """The judge against the segmenter that a run names in its config.json, by the settings it was trained with."""
    try:
        (weights,) = network["weights_sha256"]
        past = _Past.of(weights, network["training"])
    except (KeyError, TypeError, ValueError):
        return "unknown", "the model's perceptual loss is a segmenter of which is not said how it was trained"
    name = f"the segmenter {weights[:12]} in the model's perceptual loss"
    if shared := _shared(judge.past, past):
        return "shared", f"the judge shares with {name}: {', '.join(shared)}"
    if {judge.past.folds, past.folds} != {frozenset({"judge"}), frozenset({"loss"})}:
        folds = f"the judge was trained on {_fold_names(judge.past)}, the other on {_fold_names(past)}"
        return "unknown", f"{folds}: whether {name} saw the same photos can't be said without its folder"
    return "independent", (
        f"the judge shares neither weights nor seed with {name}, nor photos: each learnt from its own half"
    )


def _with_segmenter(judge: _Origin, other: _Origin, path: Path) -> tuple[Verdict, str]:
    shared = _shared(judge.past, other.past)
    if common := len(judge.photos & other.photos):
        shared.append(f"{common} of its {len(judge.photos)} training photos")
    if shared:
        return "shared", f"the judge shares with the loss network {path}: {', '.join(shared)}"
    return "independent", (
        f"the judge shares neither weights nor seed nor any of its {len(judge.photos)} training photos with the loss "
        f"network {path}"
    )


def _shared(judge: _Past, other: _Past) -> list[str]:
    """What two segmenters have in common, photos aside."""
    shared = []
    if weights := judge.weights & other.weights:
        shared.append(f"weights: both are the same network, or started from it ({min(weights)[:12]})")
    if files := judge.encoders & other.encoders:
        shared.append(f"the encoder's first weights (file {min(files)[:12]})")
    if trainings := judge.trainings & other.trainings:
        shared += [f"seed and fold ({seed}, {fold})" for fold, seed in sorted(trainings)]
    return shared


def _fold_names(past: _Past) -> str:
    return " and ".join(f"fold {fold!r}" for fold in sorted(past.folds))
