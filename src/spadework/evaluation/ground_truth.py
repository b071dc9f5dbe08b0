"""Ground truth: the class indices of label maps as a segmenter's classes.

The two are matched by name, so that a segmenter that counts otherwise (ADE20K's from 0 to 149, Cityscapes' trainIds)
needs no table of numbers, and classes that nobody judges are told, not dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spadework.data.ontology import Ontology

IGNORED = -1
"""The class of a pixel that is no part of any score."""


@dataclass(frozen=True)
class GroundTruth:
    """Which of a segmenter's classes each class index of an ontology is."""

    classes: tuple[str, ...]
    """The segmenter's, in its order."""
    of_index: tuple[int, ...]
    """Class index of the ontology -> the segmenter's class, or IGNORED."""
    ignored: tuple[str, ...]
    """The ontology's classes that are IGNORED."""
    unused: tuple[str, ...]
    """The segmenter's classes that no label map holds."""

    def __call__(self, label_map: Tensor) -> Tensor:
        """Class indices of any shape -> int64 segmenter's classes."""
        return torch.tensor(self.of_index)[label_map.long()]

    def to_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {"class_names": list(self.classes), "ignored": list(self.ignored), "unused": list(self.unused)}


def match_classes(ontology: Ontology, classes: Sequence[str], ignored: Sequence[str] = ()) -> GroundTruth:
    """Match an ontology's classes with a segmenter's by name; unlabelled pixels and those of `ignored` are IGNORED.

    Names are compared without regard to case, hyphens and underscores. Raises ValueError that lists what matches
    nothing.
    """
    wanted = {_plain(name): index for index, name in enumerate(classes)}
    if len(wanted) != len(classes):
        raise ValueError(f"the segmenter has two classes of one name among {', '.join(classes)}")
    left_out = {_plain(name) for name in ignored}
    of_index, dropped, strangers = [], [], []
    for index, name in enumerate(ontology.names):
        plain = _plain(name)
        if index == ontology.unlabelled_index or plain in left_out:
            of_index.append(IGNORED)
            dropped.append(name)
        elif plain in wanted:
            of_index.append(wanted[plain])
        else:
            of_index.append(IGNORED)
            strangers.append(name)
    if strangers:
        raise ValueError(_explain(ontology, strangers, classes))
    unused = tuple(name for index, name in enumerate(classes) if index not in of_index)
    return GroundTruth(tuple(classes), tuple(of_index), tuple(dropped), unused)


def _explain(ontology: Ontology, strangers: list[str], classes: Sequence[str]) -> str:
    free = [name for name in classes if _plain(name) not in {_plain(name) for name in ontology.names}]
    has_too = f"; it has {_listed(free)}, which the data lack" if free else ""
    return (
        f"{len(strangers)} of {ontology.channels} classes of ontology {ontology.name!r} are none of the segmenter's "
        f"{len(classes)}: {_listed(strangers)}{has_too}. A segmenter judges label maps of its own classes: take one "
        "for these data (spadework train-segmenter DATA) or, where the ids are a published data set's, its ontology "
        "(--ontology NAME); pixels that nobody is to judge are declared as unlabelled in the ontology"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _plain(name: str) -> str:
    return name.lower().replace("-", " ").replace("_", " ").strip()
