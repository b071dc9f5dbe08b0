"""Public checkpoints into networks that use the same names, strictly; and what a report tells of such a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from spadework.checksum import sha256_of
from spadework.upstream.checkpoint import difference, read_state_dict
from spadework.upstream.families import name_family
from spadework.upstream.recognise import recognise

COUNTERS = ("num_batches_tracked", "_tmp_running_mean", "_tmp_running_var", "_running_iter")
"""Buffers of batch norms that no prediction depends on: torch's own, and those of an early synchronised norm."""

_SPADE = {"G": "generator", "D": "discriminator", "E": "encoder"}


@dataclass(frozen=True)
class WeightsFile:
    """A file that weights came from: what a report must tell of it."""

    name: str
    """The file's name, without its folder."""
    sha256: str
    """Of its bytes, in hexadecimal."""

    @classmethod
    def of(cls, path: Path | str) -> WeightsFile:
        """The facts of a file."""
        return cls(Path(path).name, sha256_of(path))


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a checkpoint without counters. Raises ValueError that names the file, what it is and the cure."""
    return {key: tensor for key, tensor in read_state_dict(path).items() if not _counts(key)}


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path | str, what: str) -> None:
    """Take `tensors` as the network's weights: every name and shape must fit, counters aside.

    Raises ValueError, which says what the file looks like instead of `what`, and leaves the network as it was.
    """
    expected = {key: tensor for key, tensor in network.state_dict().items() if not _counts(key)}
    complaint = difference(_shapes(expected), _shapes(tensors))
    if complaint:
        raise ValueError(f"{path}: these are not the weights of {what}{_instead(tensors, expected)}; {complaint}")
    network.load_state_dict(tensors, strict=False)


def looks_like(tensors: Mapping[str, Tensor]) -> str | None:
    """What network a checkpoint holds, as a phrase; None for unknown ones."""
    if family := name_family(tensors):
        return family
    try:
        return f"a SPADE {_SPADE[recognise(tensors).network]}"
    except ValueError:
        return None


def _counts(key: str) -> bool:
    return key.rpartition(".")[2] in COUNTERS


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def _instead(tensors: Mapping[str, Tensor], expected: Iterable[str]) -> str:
    """What the file is, unless it is the same family in another size: then the differing shapes say more."""
    found = looks_like(tensors)
    return f" but of {found}" if found and found != name_family(expected) else ""
