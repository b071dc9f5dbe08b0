"""Features of photos, kept between evaluations: those of the real photos are the same every time.

An entry belongs to the content of the files, in order, and to everything that the features depend on: the network,
its weights' SHA-256, its mode, the size photos are brought to. So nothing has to be thrown away by hand when any of
that changes. A damaged entry is noticed by its checksum and computed anew.

Shapes: N photos, F features.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spadework.atomic import write_atomic
from spadework.evaluation.moments import Moments

_MAGIC = b"spadework features 1\n"


class FeatureCache:
    """A folder of entries. Any number of processes may use it at a time."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def features(self, key: str, compute: Callable[[], Tensor]) -> Tensor:
        """The features [N, F] of that key, computed and kept if they are not there or damaged."""
        return self._entry(f"{key}.features", lambda: {"features": compute()}, {"features"})["features"]

    def moments(self, key: str, compute: Callable[[], Moments]) -> Moments:
        """The moments of that key, likewise: much smaller than features where there are more photos than those."""

        def tensors() -> dict[str, Tensor]:
            moments = compute()
            return {"n": torch.tensor(moments.n), "mean": moments.mean, "scatter": moments.scatter}

        held = self._entry(f"{key}.moments", tensors, {"n", "mean", "scatter"})
        return Moments(int(held["n"]), held["mean"], held["scatter"])

    def _entry(self, name: str, compute: Callable[[], dict[str, Tensor]], names: set[str]) -> dict[str, Tensor]:
        path = self.folder / name
        held = _read(path)
        if held is not None and set(held) == names:
            return held
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in compute().items()}
        payload = safetensors.torch.save(tensors)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, lambda file: file.write(_MAGIC + hashlib.sha256(payload).digest() + payload))
        return tensors


def cache_key(files: Iterable[Path | str], depends_on: Mapping[str, Any]) -> str:
    """The name of an entry: a hash of the files' contents, in order, and of what the features depend on.

    `depends_on` are JSON types: an extractor's `describe()`, and how photos reach it. Raises ValueError for a file that
    is not there.
    """
    key = hashlib.sha256(json.dumps(depends_on, sort_keys=True, allow_nan=False).encode())
    for file in files:
        path = Path(file)
        if not path.is_file():
            raise ValueError(f"{path}: there is no such file")
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256")
        key.update(struct.pack("<q", path.stat().st_size) + content.digest())
    return key.hexdigest()


def _read(path: Path) -> dict[str, Tensor] | None:
    """The tensors of an entry; None if it is not there or damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    header = len(_MAGIC) + hashlib.sha256().digest_size
    payload = data[header:]
    if not data.startswith(_MAGIC) or data[len(_MAGIC) : header] != hashlib.sha256(payload).digest():
        return None
    try:
        return safetensors.torch.load(payload)
    except safetensors.SafetensorError:
        return None
