"""The batch that a training failed on, kept for study: `failures/<images>.pt`, and the same as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from spadework.atomic import DiskFullError, write_atomic
from spadework.contact_sheet import contact_sheet
from spadework.data.ontology import Ontology
from spadework.draw import Draw
from spadework.sample import Batch
from spadework.synthesizer import to_image
from spadework.training.processes import Processes
from spadework.training.run import Run

Part = dict[str, Any]
"""The fields of a batch as it reached the system, and the positions of its pictures in the stream."""


def keep_failure(
    run: Run,
    processes: Processes,
    images: int,
    parts: Sequence[tuple[Batch, Draw]],
    error: Exception,
    ontology: Ontology,
) -> str:
    """Write the whole batch, of all processes, who call this together; says in words where it is.

    `torch.load(path, weights_only=True)` gives `images`, `error`, `seed`, and `parts`, each with its label maps, photos
    and what else a system saw. With the checkpoint before it, the failure can be played again.
    """
    mine = [_plain(batch, draw) for batch, draw in parts]
    everybody = [part for some in processes.gathered(mine) for part in some]
    if not processes.first:
        return ""
    path = run.folder / "failures" / f"{images:09d}.pt"
    state = {"images": images, "error": str(error), "seed": parts[0][1].seed, "parts": everybody}
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, lambda file: torch.save(state, file))
        _write_pictures(path.with_suffix(".png"), everybody, ontology)
    except DiskFullError:
        return "there was no room to keep this batch"
    return f"the batch is kept in {path}"


def _plain(batch: Batch, draw: Draw) -> Part:
    tensors: dict[str, Tensor | None] = {
        "label_map": batch.label_map,
        "photo": batch.photo,
        "instance_map": batch.instance_map,
        **{f"extras.{name}": extra for name, extra in batch.extras.items()},
    }
    held = {name: tensor.detach().cpu() for name, tensor in tensors.items() if tensor is not None}
    return {"positions": list(draw.indices), "names": list(batch.names), **held}


def _write_pictures(path: Path, parts: Sequence[Part], ontology: Ontology) -> None:
    rows = []
    for part in parts:
        for i in range(len(part["names"])):
            label = Image.fromarray(ontology.colorize(part["label_map"][i]).numpy())
            rows.append([label, to_image(part["photo"][i].nan_to_num())])
    sheet = contact_sheet(rows, columns=4)
    write_atomic(path, lambda file: sheet.save(file, "PNG"))
