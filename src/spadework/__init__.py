"""Semantic image synthesis: label maps into photographs.

    synthesizer = spadework.load("runs/park")
    photo = synthesizer("label.png", seed=3)
"""

from importlib.metadata import version

from spadework.synthesizer import Synthesizer, load
from spadework.systems import SYSTEMS

__version__ = version("spadework")

__all__ = ["SYSTEMS", "Synthesizer", "__version__", "load"]
