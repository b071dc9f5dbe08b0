"""A golden case: a folder with case.json and tensors that the original implementation produced."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor


@dataclass(frozen=True)
class Case:
    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        return json.loads((self.folder / "case.json").read_text())

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def system(self) -> str:
        return self.folder.parent.name

    @property
    def kind(self) -> str:
        return self.facts["kind"]

    @property
    def config(self) -> dict[str, Any]:
        return self.facts["config"]

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        return load_file(self.folder / "inputs.safetensors")

    @cached_property
    def outputs(self) -> dict[str, Tensor]:
        return load_file(self.folder / "outputs.safetensors")

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """In float32, as the originals ran; integer buffers as they are."""
        stored = load_file(self.folder / "weights.safetensors")
        return {key: value.float() if value.is_floating_point() else value for key, value in stored.items()}


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under `prefix`/, without it."""
    return {key.removeprefix(f"{prefix}/"): value for key, value in tensors.items() if key.startswith(f"{prefix}/")}


class Ledger:
    """Compares tensors with a case's outputs and knows which outputs were never looked at."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.seen: set[str] = set()

    def compare(
        self,
        key: str,
        actual: Tensor,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        equal_nan: bool = False,
    ) -> None:
        """`actual` equals the output `key` within the case's tolerance."""
        self.seen.add(key)
        tolerance = self.case.facts["tolerance"]
        expected = self.case.outputs[key]
        torch.testing.assert_close(
            actual.detach().to(expected.dtype).reshape(expected.shape),
            expected,
            rtol=tolerance["rtol"] if rtol is None else rtol,
            atol=tolerance["atol"] if atol is None else atol,
            equal_nan=equal_nan,
            msg=lambda message: f"{self.case.name}: {key}\n{message}",
        )

    def close(self) -> None:
        """Every output was compared."""
        assert self.seen, f"{self.case.name} holds no outputs"
        missed = set(self.case.outputs) - self.seen
        assert not missed, f"{self.case.name}: outputs nobody compared: {sorted(missed)}"
