"""Photo -> label map of the model's classes, by somebody's segmenter: classes are told by their names.

Shapes: H W the photo.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from spadework.data.ontology import Ontology
from spadework.segmenters.segmenter import Segmenter
from spadework.studio.received import ReceivedMap


class Segmenting:
    """A segmenter beside a model; raises ValueError where they have no class in common."""

    def __init__(self, segmenter: Segmenter, name: str, ontology: Ontology) -> None:
        self.segmenter = segmenter
        self.name = name
        self.ontology = ontology
        index_of = {each.lower(): index for index, each in enumerate(ontology.names)}
        found = [index_of.get(each.lower()) for each in segmenter.classes]
        if all(index is None for index in found):
            raise ValueError(
                f"--segmenter {name}: none of its classes ({', '.join(segmenter.classes[:8])}, ...) is one of the "
                f"model's ({', '.join(ontology.names[:8])}, ...); it would label nothing"
            )
        other = ontology.unlabelled_index
        self.strangers = [name for name, index in zip(segmenter.classes, found, strict=True) if index is None]
        if self.strangers and other is None:
            raise ValueError(
                f"--segmenter {name}: the model has no class for {', '.join(self.strangers[:8])}, and none for "
                "unlabelled pixels"
            )
        self._index = torch.tensor([other if index is None else index for index in found])

    @torch.inference_mode()
    def __call__(self, photo: Image.Image) -> ReceivedMap:
        """The label map of a photo, [H, W]."""
        pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None]
        classes = self.segmenter.predict(pixels)[0].cpu()
        index = self._index[classes]
        notes = []
        unknown = [each for each in torch.unique(classes).tolist() if self.segmenter.classes[each] in self.strangers]
        if unknown:
            share = float(torch.isin(classes, torch.tensor(unknown)).float().mean())
            names = ", ".join(self.segmenter.classes[each] for each in unknown[:8])
            notes = [f"{share:.1%} of the pixels show what the model has no class for ({names}): unlabelled"]
        return ReceivedMap(index.clone(), "segmented", notes=tuple(notes))
