"""The report as one HTML file that needs nothing else."""

from spadework.evaluation.page.page import page

__all__ = ["page"]
