"""What each process runs in the tests of learning together: python one_of_many.py RANK COUNT FOLDER."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from spadework.training.processes import Processes
from tests.training.learning import learn


def main() -> None:
    rank, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=(folder / "rendezvous").as_uri(),
        rank=rank,
        world_size=count,
        timeout=timedelta(minutes=30),
    )
    task = torch.load(folder / "task.pt", weights_only=False)
    results = {name: learn(case, Path(task["data"]), Processes()) for name, case in task["cases"].items()}
    torch.save(results, folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
