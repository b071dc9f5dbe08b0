"""Checkpoints of other systems are named, SPADE's own are not."""

from __future__ import annotations

import pytest

from spadework.upstream.families import name_family
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict

KEYS = {
    "a CLADE generator": ["head_0.conv_0.bias", "head_0.norm_0.class_specified_affine.weight"],
    "a SAFM generator": ["head_0.conv_0.bias", "head_0.norm_0.pre_seg.0.weight"],
    "a CC-FPSE generator": ["labelenc1.0.0.weight_orig", "head_0.gen_weights1.0.weight"],
    "a CC-FPSE discriminator": ["enc1.0.0.weight_u", "lat2.0.0.weight_u", "final2.0.0.weight_u"],
    "an LGGAN generator": ["head_0.conv_0.bias", "deconv3_local.weight", "deconv3_attention.weight"],
    "a SESAME generator": ["downlayers.0.0.0.weight", "spade_core.0.conv_0.bias"],
    "a SESAME discriminator": ["discriminator_0.sem_sequence.0.0.weight"],
    "an OASIS generator": ["fc.weight", "body.0.norm_0.first_norm.running_mean"],
    "an OASIS discriminator": ["body_down.0.conv1.0.bias", "layer_up_last.weight"],
    "a pix2pixHD local enhancer": ["model.1.weight", "model.4.weight", "model1_1.1.weight"],
    "a pix2pixHD global generator": ["model.1.weight", "model.4.weight", "model.16.conv_block.5.weight"],
    "a pix2pixHD feature encoder": ["model.1.weight", "model.4.weight", "model.7.weight"],
    "a pix2pixHD discriminator": ["scale0_layer0.0.weight", "scale1_layer4.0.bias"],
    "a SIMS network": ["g_selection_conv1/g_selection_conv1_1/weights"],
    "a CRN generator": ["g_16_conv1/LayerNorm/beta", "g_16_conv1/weights"],
    "a DeepLabV2 segmenter": ["base.aspp.c0.weight"],
    "the decoder of a UPerNet segmenter": ["ppm_conv.0.0.weight", "fpn_in.0.0.weight"],
    "the encoder of a UPerNet segmenter": ["conv3.weight", "bn3.weight", "layer4.0.conv3.weight"],
    "a DRN segmenter": ["base.0.0.weight", "seg.weight"],
    "a ResNet of torchvision": ["conv1.weight", "layer4.0.conv2.weight", "fc.weight"],
    "a VGG network of torchvision": ["features.0.weight", "classifier.0.weight"],
    "an Inception network": ["Mixed_5b.branch1x1.conv.weight", "fc.weight"],
    "a segmenter of the library transformers": ["segformer.encoder.block.0.weight", "decode_head.classifier.weight"],
    "a segmenter of segmentation-models-pytorch": ["encoder.conv1.weight", "segmentation_head.0.weight"],
}

@pytest.mark.parametrize("name", KEYS)
def test_a_family_is_named(name: str) -> None:
    found = name_family(KEYS[name])
    assert found is not None and found.startswith(name)


@pytest.mark.parametrize(
    "checkpoint",
    [
        synthetic.generator(),
        synthetic.generator(spectral=False, most=True, style=(4, 2)),
        *(synthetic.pix2pixhd_generator(norm=norm) for norm in ("instance", "batch", "none")),
        *(synthetic.discriminator(norm=norm) for norm in ("instance", "batch", "none")),
        *(synthetic.encoder(norm=norm) for norm in ("instance", "batch", "none")),
        {},
    ],
)
def test_spade_is_no_other_family(checkpoint: StateDict) -> None:
    assert name_family(checkpoint) is None
