"""What each of two processes runs in the test of SyncBatchNorm: python one_of_two_processes.py RANK FOLDER."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from spadework.layers.normalization import SyncBatchNorm


def run(rank: int, cases: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Per case: two forwards in training with backward, then one in eval mode."""
    return {name: run_case(rank, case) for name, case in cases.items()}


def run_case(rank: int, case: dict[str, Any]) -> dict[str, Any]:
    layer = SyncBatchNorm(case["channels"], **case["options"]).to(case["parameters"])
    if layer.affine:
        layer.load_state_dict(case["affine"], strict=False)
    results: dict[str, Any] = {"outputs": [], "gradients": []}
    for x, upstream in zip(case["inputs"][rank], case["upstream"][rank], strict=True):
        x.requires_grad_()
        output = layer(x)
        output.backward(upstream)
        results["outputs"].append(output.detach())
        results["gradients"].append(x.grad)
    results["affine_gradients"] = {name: parameter.grad for name, parameter in layer.named_parameters()}
    results["state"] = layer.state_dict()
    results["eval"] = layer.eval()(case["inputs"][rank][0].detach()).detach()
    return results


def main() -> None:
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    dist.init_process_group(
        "gloo",
        init_method=(folder / "rendezvous").as_uri(),
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=300),
    )
    torch.save(run(rank, torch.load(folder / "cases.pt")), folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
