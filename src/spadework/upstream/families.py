"""Checkpoints of other systems, known by their keys, so that a message can name what somebody gave instead of SPADE."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Systems that grew out of SPADE and kept part of its keys.
    ("a CLADE generator (tzt101/CLADE)", (r"head_0\.norm_0\.class_specified_affine\.",)),
    ("a SAFM generator", (r"head_0\.conv_0\.", r"(head_0\.norm_0\.)?pre_seg\.")),
    ("a CC-FPSE generator (xh-liu/CC-FPSE)", (r"labelenc1\.0\.0\.", r"head_0\.gen_weights1\.")),
    ("a CC-FPSE discriminator (xh-liu/CC-FPSE)", (r"enc1\.0\.0\.", r"lat2\.0\.0\.", r"final2\.0\.0\.")),
    ("an LGGAN generator", (r"deconv3_local\.", r"deconv3_attention\.")),
    ("a SESAME generator (entavelis/OpenSESAME)", (r"spade_core\.0\.", r"downlayers\.0\.")),
    ("a SESAME discriminator (entavelis/OpenSESAME), which SAFM uses too", (r"discriminator_0\.sem_sequence\.",)),
    ("an OASIS generator (boschresearch/OASIS)", (r"body\.0\.norm_0\.first_norm\.",)),
    (
        "an OASIS discriminator (boschresearch/OASIS) or SAFM's segmentation network, which has the same keys",
        (r"body_down\.0\.conv1\.", r"layer_up_last\."),
    ),
    # The original pix2pixHD: it has no spectral norm, unlike the generator of that name in SPADE's repository.
    ("a pix2pixHD local enhancer (NVIDIA/pix2pixHD)", (r"model\.1\.weight$", r"model1_1\.1\.weight$")),
    ("a pix2pixHD global generator (NVIDIA/pix2pixHD)", (r"model\.1\.weight$", r"model\.\d+\.conv_block\.5\.weight$")),
    ("a pix2pixHD feature encoder (NVIDIA/pix2pixHD)", (r"model\.1\.weight$", r"model\.4\.weight$")),
    ("a pix2pixHD discriminator (NVIDIA/pix2pixHD)", (r"(scale0_layer0\.0|layer0\.2)\.weight$",)),
    # TensorFlow graphs.
    ("a SIMS network", (r"g_(transform|selection|encoder|decoder)_conv\d+/",)),
    ("a CRN generator (CQFIO/PhotographicImageSynthesis)", (r"g_\d+_conv1/LayerNorm/",)),
    # Segmenters.
    ("a DeepLabV2 segmenter", (r"base\.aspp\.c0\.",)),
    ("the decoder of a UPerNet segmenter", (r"ppm_conv\.0\.", r"fpn_in\.0\.")),
    ("the encoder of a UPerNet segmenter", (r"conv3\.weight$", r"bn3\.weight$", r"layer4\.0\.conv3\.weight$")),
    ("a DRN segmenter", (r"base\.0\.0\.weight$", r"seg\.weight$")),
    # Classifiers of ImageNet.
    ("a ResNet of torchvision", (r"conv1\.weight$", r"layer4\.0\.conv2\.weight$", r"fc\.weight$")),
    ("a VGG network of torchvision", (r"features\.0\.weight$", r"classifier\.0\.weight$")),
    ("an Inception network", (r"(blocks\.2\.0|Mixed_5b)\.branch1x1\.",)),
    ("a segmenter of the library transformers", (r"decode_head\.",)),
    ("a segmenter of segmentation-models-pytorch", (r"encoder\.", r"segmentation_head\.0\.weight$")),
)
"""(what it is, patterns that each match the beginning of some key); the first that fits is taken."""


def name_family(keys: Iterable[str]) -> str | None:
    """What another system's checkpoint is, as a phrase ("an OASIS generator (...)"); None for SPADE's and unknown ones.

    Keys that SPADE shares with others (the encoder of CC-FPSE, the discriminator of LGGAN) count as SPADE's own.
    """
    keys = list(keys)
    for name, patterns in _FAMILIES:
        if all(any(re.match(pattern, key) for key in keys) for pattern in patterns):
            return name
    return None
