"""Segmenters: photo -> label map. Networks and their test protocols; whether they are right is judged elsewhere."""

from spadework.segmenters.segmenter import Segmenter
from spadework.segmenters.weights import WeightsFile

__all__ = ["Segmenter", "WeightsFile"]
