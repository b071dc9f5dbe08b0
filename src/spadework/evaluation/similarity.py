"""How alike two photos are: LPIPS (what a network sees) and MS-SSIM (structure), under one roof."""

from spadework.evaluation.perceptual_similarity import Lpips
from spadework.evaluation.structural_similarity import MsSsim, ms_ssim, ssim

__all__ = ["Lpips", "MsSsim", "ms_ssim", "ssim"]
