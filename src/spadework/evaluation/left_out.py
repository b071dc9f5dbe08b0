"""Numbers that a report does not have, why, and how to get them: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spadework.evaluation.inception import INCEPTION_FILE
from spadework.evaluation.protocol import Protocol, Size
from spadework.evaluation.structural_similarity import SHORTEST_SIDE


@dataclass(frozen=True)
class LeftOut:
    """A number that is not there."""

    what: str
    why: str
    cure: str
    """How to get it."""


def without_segmenter(protocol: Protocol) -> LeftOut:
    """No mean IoU, no accuracy."""
    what = "mean IoU, pixel accuracy, confusion matrix"
    if protocol.segmenter is None:
        return LeftOut(what, "the protocol has no segmenter for these data", "--protocol own with --segmenter FOLDER")
    if protocol.segmenter == "given":
        cure = "train one (spadework train-segmenter DATA --out FOLDER) and give it: --segmenter FOLDER"
        return LeftOut(what, "no segmenter was given", cure)
    return LeftOut(
        what,
        f"the weights of {protocol.segmenter} were not given",
        f"--segmenter-weights with {protocol.weights}",
    )


def without_inception() -> LeftOut:
    """No FID, no KID."""
    return LeftOut(
        "FID, KID, precision and recall in Inception's features",
        "its weights were not given",
        f"--inception {INCEPTION_FILE} (91 MiB, Apache-2.0, published with pytorch-fid); nothing is downloaded unasked",
    )


def of_variety(
    *, is_model: bool, maps: int, styles: bool, encoder: bool, lpips: bool, size: Size
) -> Iterator[LeftOut]:
    """What is missing of diversity and style fidelity."""
    if not is_model:
        yield LeftOut("diversity, style fidelity", "pictures were given, no model", "evaluate the model itself")
        return
    if not maps:
        yield LeftOut("diversity, style fidelity", "--diversity-maps is 0", "leave that option out")
        return
    if not styles:
        yield LeftOut("diversity", "this model makes one photo of a label map", "train with --stem style")
    elif not lpips:
        cure = "--lpips vgg16-397923af.pth (528 MiB, BSD-3-Clause, torchvision's); nothing is downloaded unasked"
        yield LeftOut("LPIPS", "its network's weights were not given", cure)
    if styles and min(size) < SHORTEST_SIDE:
        why = f"pictures of {size[0]}x{size[1]} are too small: the short side must be over {SHORTEST_SIDE - 1} pixels"
        yield LeftOut("MS-SSIM", why, "evaluate at a larger --size")
    if not encoder:
        yield LeftOut("style fidelity", "this model has no style encoder", "train with --encoder")
    elif maps < 2:
        cure = "--diversity-maps 2 or more, and as many pairs"
        yield LeftOut("style fidelity", "it is measured between the photos of several label maps; there is 1", cure)
