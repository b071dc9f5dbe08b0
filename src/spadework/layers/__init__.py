"""Layers that the systems share, each of use on its own."""

from spadework.layers.blocks import ConvLayer, ModulatedBlock
from spadework.layers.class_modulation import CLADE
from spadework.layers.modulation import SPADE, AdaIN, ConditionalBatchNorm
from spadework.layers.normalization import PARAMETER_FREE_NORMS, SyncBatchNorm
from spadework.layers.patch_discriminator import MultiscaleDiscriminator, PatchDiscriminator
from spadework.layers.perceptual import PerceptualDistance
from spadework.layers.spectral import SpectralConv2d, SpectralConvTranspose2d, fold_spectral_norm
from spadework.layers.style_encoder import StyleEncoder

__all__ = [
    "CLADE",
    "PARAMETER_FREE_NORMS",
    "SPADE",
    "AdaIN",
    "ConditionalBatchNorm",
    "ConvLayer",
    "ModulatedBlock",
    "MultiscaleDiscriminator",
    "PatchDiscriminator",
    "PerceptualDistance",
    "SpectralConv2d",
    "SpectralConvTranspose2d",
    "StyleEncoder",
    "SyncBatchNorm",
    "fold_spectral_norm",
]
