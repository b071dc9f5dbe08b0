"""Flickr Landscapes: photos without labels, labelled by a segmenter.

SPADE's authors collected 41,000 landscape photos from Flickr and labelled them with a DeepLabV2 that was trained on
COCO-Stuff; neither the photos nor a list of them was published. So the photos are your own, and the label maps come
from any segmenter: of COCO-Stuff's ids, as in the paper, or of classes of your own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

from tyro.conf import Suppress

from spadework.data.ontology import Ontology
from spadework.data.pairs import LABEL_EXTENSIONS, PHOTO_EXTENSIONS
from spadework.data.prepare.folders import by_stem, keyed, settle
from spadework.data.prepare.making import ConvertLabelMap, Segment, Segmenter, copy_photo
from spadework.data.prepare.plan import Output, Plan, paired
from spadework.data.prepare.shares import Shares
from spadework.data.prepare.source import SourceTree
from spadework.data.shipped import shipped_ontology


@dataclass(frozen=True)
class FlickrLandscapes(Shares):
    """Landscape photos of your own, labelled by a segmenter (the paper's set was never published).

    SRC is the folder of photos. The label maps are made by a segmenter of your own (--segmenter), by a callable in
    Python, or elsewhere: --labels.
    """

    name: ClassVar[str] = "flickr-landscapes"
    archives: ClassVar[tuple[str, ...]] = ()

    labels: Path | None = None
    """The folder (or archive) of label maps, named like the photos: COCO-Stuff's ids 0..181; 255 unlabelled."""
    segmenter: Annotated[Segmenter | None, Suppress] = None
    """An RGB photo (a PIL image) -> [H, W] ids, as an array or tensor; called for one photo at a time."""
    ontology: Annotated[Ontology | None, Suppress] = None
    """The classes of what the segmenter gives; COCO-Stuff's ids unless given."""

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        name = getattr(self.segmenter, "__name__", type(self.segmenter).__name__)
        return {**self.shares(), "segmenter": None if self.segmenter is None else name}

    def plan(self, tree: SourceTree) -> Plan:
        """Photos as they are, label maps from the segmenter."""
        ontology = self.ontology or shipped_ontology("flickr-landscapes")
        if (self.labels is None) == (self.segmenter is None):
            raise ValueError(
                "these photos have no label maps: give the folder of those that a segmenter made with --labels DIR "
                "(COCO-Stuff's ids, named like the photos), or that of a segmenter with --segmenter FOLDER; in Python "
                "FlickrLandscapes(segmenter=CALLABLE)"
            )
        photos = keyed(tree, (), PHOTO_EXTENSIONS, "", apart_from=self.labels)
        if not photos:
            raise ValueError(
                f"{tree.root}: no photos in it ({', '.join(sorted(PHOTO_EXTENSIONS))}); found {tree.content()}"
            )
        if self.labels is not None:
            labels = keyed(tree.beside(self.labels), (), LABEL_EXTENSIONS, "")
            photos, labels = by_stem(photos, labels)
            cure = "A label map has its photo's name, up to the extension"
            paired(f"{tree.root} and {self.labels}", photos, labels, ("photos", "label maps"), cure)
        split_of, name_of = settle(str(tree.root), list(photos), self)
        outputs = []
        for key, photo in sorted(photos.items()):
            place, name = split_of[key], name_of[key]
            outputs.append(Output(f"{place}/photos/{name}{PurePosixPath(photo.path).suffix}", photo, copy_photo))
            if self.segmenter is not None:
                outputs.append(Output(f"{place}/labels/{name}.png", photo, Segment(self.segmenter, ontology)))
            else:
                outputs.append(Output(f"{place}/labels/{name}.png", labels[key], ConvertLabelMap(ontology)))
        notes = ["the paper's photos were never published: these are your own, split by seed"]
        return Plan(outputs, ontology, notes, one_process=self.segmenter is not None)
