"""Goldens of kind "encoding": label map and instance map to what the originals' networks see."""

from __future__ import annotations

from spadework.semantics import Semantics, instance_edges
from tests.goldens.case import Case, Ledger


def run_pix2pixhd(case: Case) -> None:
    """One channel per class and, where there are instances, one of the edges between them."""
    ledger, config = Ledger(case), case.config
    edges = not config["no_instance"]
    instance_map = case.inputs["inst"][:, 0].int() if edges else None
    label_map = case.inputs["label"][:, 0].long()
    semantics = Semantics.from_label_map(label_map, config["label_nc"], edges=edges, instance_map=instance_map)
    dense = semantics.dense(semantics.size)
    assert dense.shape == case.outputs["input_label"].shape
    ledger.compare("input_label", dense)
    if "edge" in case.outputs:
        ledger.compare("edge", instance_edges(case.inputs["inst"][:, 0].int()))
    ledger.close()
