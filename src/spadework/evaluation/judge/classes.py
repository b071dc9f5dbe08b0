"""What a judge tells apart: the classes of an ontology without unlabelled, and how much each weighs in training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.evaluation.judge.settings import JudgeSettings
from spadework.segmenters.own_network import OwnConfig


def own_config(ontology: Ontology, settings: JudgeSettings) -> OwnConfig:
    """A network with one output for each class but unlabelled, in the order of class indices."""
    listed = [index for index in range(ontology.channels) if index != ontology.unlabelled_index]
    if len(listed) < 2:
        raise ValueError(
            f"ontology {ontology.name!r} has {len(listed)} labelled class: a segmenter tells at least 2 apart"
        )
    return OwnConfig(
        tuple(ontology.names[index] for index in listed),
        tuple(ontology.channel_ids[index] for index in listed),
        settings.architecture,
        settings.encoder,
        settings.height,
        settings.width,
    )


def class_weights(shares: Mapping[str, float], classes: tuple[str, ...], balance: float) -> Tensor:
    """[K] float32: (median share / share) ** balance of each class, scaled to a mean of 1 over all labelled pixels.

    Classes without any pixel weigh as much as the rarest one that has some.
    """
    share = torch.tensor([shares.get(name, 0.0) for name in classes], dtype=torch.float64)
    seen = share[share > 0]
    if balance == 0 or not len(seen):
        return torch.ones(len(classes))
    weights = (seen.median() / share.clamp_min(seen.min())) ** balance
    return (weights / ((weights * share).sum() / share.sum())).float()
