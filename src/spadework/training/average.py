"""A moving average of weights.

Source: Sushko et al., "You Only Need Adversarial Supervision for Semantic Image Synthesis" (2021), whose photos come
from the average of the generator's weights over the training.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average of a module, starting at its present weights.

    With `warm_up` the decay is smaller at first, (1 + updates) / (10 + updates), so that the random start is soon
    forgotten; OASIS goes without.
    `decay` in [0, 1) is the part of the average that stays at each update (0.9999 in OASIS). `module` is the averaged
    copy, in evaluation mode and without gradients, on the device where the original was. The average is kept in the
    module's own precision; half precision would round small steps away, so let the module hold float32 weights.
    `average_counts` does to entries that count what the original does: they are averaged, too, and truncated (golden
    oasis/ema_two_steps). `fixed` names entries that never change: averaging them would only round them.
    """

    fixed: frozenset[str] = frozenset()

    def __init__(
        self, module: nn.Module, decay: float, *, warm_up: bool = True, average_counts: bool = False
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}: expected 0 <= decay < 1, for example 0.9999")
        self.decay = decay
        self.warm_up = warm_up
        self.average_counts = average_counts
        self.updates = 0
        self.module = copy.deepcopy(module).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the weights after one iteration.

        Every floating entry of the state dict, buffers included: average = decay * average + (1 - decay) * current.
        Integer entries, which count, are copied.
        """
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.warm_up else self.decay

        # Tied weights have several names; `keep_vars` gives the tensors themselves, so that each moves once.
        averages, currents = self.module.state_dict(keep_vars=True), module.state_dict(keep_vars=True)
        assert averages.keys() == currents.keys(), "the module has other weights than the average was made of"
        moved: set[int] = set()
        for name, average in averages.items():
            if id(average) not in moved and name not in self.fixed:
                moved.add(id(average))
                if average.is_floating_point():
                    average.mul_(decay).add_(currents[name], alpha=1 - decay)
                elif self.average_counts:
                    average.copy_(decay * average + (1 - decay) * currents[name])
                else:
                    average.copy_(currents[name])

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights, and how often they were updated."""
        return {"updates": self.updates, "weights": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from saved averages."""
        self.updates = state["updates"]
        self.module.load_state_dict(state["weights"])
