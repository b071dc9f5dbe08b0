"""Samples and batches: what the data pipeline hands to a system.

Loaders hand them over *packed*, photos as the bytes that they are on disk and label maps in 8 or 16 bits: an eighth of
the memory to write, to move between processes and to send to a GPU. `Batch.to(device)` unpacks them there.

Shapes: B batch, H W height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate


@dataclass
class Sample:
    """One label map with what belongs to it."""

    label_map: Tensor
    """[H, W] int64: the class index of each pixel (see `Ontology.to_index`); packed a smaller integer type."""
    name: str
    """The stem of the file it came from."""
    photo: Tensor | None = None
    """[3, H, W] float in [-1, 1]; packed uint8."""
    instance_map: Tensor | None = None
    """[H, W] int64: an object id per pixel."""
    extras: dict[str, Tensor] = field(default_factory=dict)
    """What a system derived from the rest (`System.complete`)."""

    def unpacked(self) -> Sample:
        """The same sample with int64 class indices and a photo in [-1, 1]."""
        return replace(self, label_map=self.label_map.long(), photo=None if self.photo is None else unpack(self.photo))


@dataclass
class Batch:
    """Several samples of one size."""

    label_map: Tensor
    """[B, H, W] int64 class indices; packed a smaller integer type."""
    names: list[str] = field(default_factory=list)
    photo: Tensor | None = None
    """[B, 3, H, W] float in [-1, 1]; packed uint8."""
    instance_map: Tensor | None = None
    """[B, H, W] int64 object ids."""
    extras: dict[str, Tensor] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list, repr=False)
    """What was wrong with pairs that could not be read, in whose place others came."""
    parts: int = 1
    """The batch of an iteration may be divided into several of this size: over processes, and over steps of one. What
    is summed over an iteration is `parts` times the mean of the parts' sums."""
    beside: list[Tensor] = field(default_factory=list, repr=False)
    """Label maps of all the parts that this process has, this one's among them; empty where it is the only one."""
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What a system worked out from this batch and can use again, such as its semantics; copies start without."""
    before: Batch | None = field(default=None, init=False, repr=False, compare=False)
    """The same maps before something was painted on them: what they have kept may serve this batch, too."""

    @classmethod
    def collate(cls, samples: Sequence[Sample]) -> Batch:
        """Stack samples; all of them hold a photo (an instance map, an extra) or none does."""
        first = samples[0]
        return cls(
            label_map=_stacked([sample.label_map for sample in samples]),
            names=[sample.name for sample in samples],
            photo=_stack([sample.photo for sample in samples]),
            instance_map=_stack([sample.instance_map for sample in samples]),
            extras={key: _stacked([sample.extras[key] for sample in samples]) for key in first.extras},
        )

    def __len__(self) -> int:
        return len(self.label_map)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.label_map.shape[-2], self.label_map.shape[-1]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device (or this one), unpacked."""
        return replace(
            self,
            label_map=self.label_map.to(device).long(),
            photo=None if self.photo is None else unpack(self.photo.to(device)),
            instance_map=None if self.instance_map is None else self.instance_map.to(device),
            extras={key: value.to(device) for key, value in self.extras.items()},
        )


def unpack(photo: Tensor) -> Tensor:
    """A photo's bytes in [-1, 1]: (value / 255 - 0.5) / 0.5; a photo in floats is returned as it is.

    Float32, unless another type is torch's default (float64, in trainings that are to be compared closely).
    """
    if photo.is_floating_point():
        return photo
    return photo.to(torch.get_default_dtype()).div_(255).sub_(0.5).mul_(2)


def _stack(tensors: list[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    if not present:
        return None
    if len(present) != len(tensors):
        raise ValueError("some samples of this batch have a photo or instance map and some have none: give all one")
    return _stacked(present)


def _stacked(tensors: list[Tensor]) -> Tensor:
    """Stacked; in a loader's process right where the training will read it, which saves a copy."""
    stacked: Tensor = default_collate(tensors)
    return stacked
