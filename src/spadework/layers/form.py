"""Which form of SPADE computes: the paper's dense one, or the exact one by distinct windows.

All forms give the same numbers. Which is cheapest depends on the map, the layer and the machine; the choice is made
from costs that were measured (`benchmarks/form_costs.py` measures them again).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from spadework.semantics import Semantics, Size
from spadework.windows import Layer

logger = logging.getLogger(__name__)

Form = Literal["auto", "windows", "hidden", "dense"]
"""`windows`: one row of gamma and beta per distinct window; `hidden`: only the first of the two convolutions so, the
second dense; `dense`: every pixel, as the papers draw it; `auto`: whatever is cheapest."""


@dataclass(frozen=True)
class Costs:
    """Nanoseconds for each piece of work, per element."""

    product: float
    """A multiplication of the table: window of the first convolution, place, hidden channel, gamma or beta."""
    sum: float
    """An addition into the table: distinct window, place, gamma or beta."""
    look_up: float
    """Modulating a number by looking its scale and shift up."""
    convolution: float
    """A multiplication of a dense convolution."""
    modulate: float
    """Modulating a number by dense gamma and beta."""


@dataclass(frozen=True)
class Work:
    """What there is to do for one layer and one batch of maps."""

    positions: int
    """Pixels of all pictures."""
    channels: int
    """Channels that are modulated."""
    hidden: int
    """Channels between the two convolutions."""
    kernel_size: int

    def windows(self, costs: Costs, first: int, second: int) -> float:
        """Nanoseconds by `second` distinct windows, made of `first` distinct windows of the first convolution."""
        numbers = 2 * self.channels * self.kernel_size**2
        return (
            costs.product * first * self.hidden * numbers
            + costs.sum * second * numbers
            + costs.look_up * self.positions * self.channels
        )

    def by_hidden(self, costs: Costs) -> float:
        """Nanoseconds with a dense second convolution."""
        products = self.positions * 2 * self.channels * self.kernel_size**2 * self.hidden
        return costs.convolution * products + costs.modulate * self.positions * self.channels


MEASURED: dict[tuple[str, torch.dtype, bool], Costs] = {
    ("cpu", torch.float32, False): Costs(0.011, 0.18, 1.8, 0.0083, 0),
    ("cpu", torch.float32, True): Costs(0.049, 0.76, 4.8, 0.03, 0),
    ("cpu", torch.bfloat16, False): Costs(0.0018, 0.3, 1.3, 0.002, 0),
}
"""(Device, precision, training) -> costs: two threads of an Intel Xeon with AMX, PyTorch 2.15."""

REUSE = 1.25
"""How much dearer a table may be that later styles, seeds and strokes on the same map use again."""

NEAREST = "cpu", torch.bfloat16, False
"""What stands for a device or precision that nobody measured (training in bf16 is one): of those above, the one whose
products are cheapest beside memory."""


def choose(form: Form, semantics: Semantics, size: Size, layer: Layer, work: Work, *, dtype: torch.dtype) -> Form:
    """The form that should be quickest for SPADE at `size`, unless `form` says which; convolutions are `layer`.

    Windows of the second convolution are found only if they can pay.
    """
    if semantics.extras is not None:
        return "dense"  # not piecewise constant
    if form != "auto":
        return form

    # By windows costs at least what it would with no more of them than the first convolution has.
    training = torch.is_grad_enabled()
    costs = MEASURED.get((semantics.codes.device.type, dtype, training), MEASURED[NEAREST])
    limit = work.by_hidden(costs) * (1.0 if training else REUSE)
    first = len(semantics.windows(size, layer))
    second = first
    chosen: Form = "hidden"
    if work.windows(costs, first, first) <= limit:
        second = len(semantics.windows(size, layer, layer))
        chosen = "windows" if work.windows(costs, first, second) <= limit else "hidden"
    logger.info(
        "%4dx%-4d %5d channels: %-7s (%d windows and %d on %d pixels; expected %.1f ms by windows, %.1f ms else)",
        *(size[1], size[0], work.channels, chosen, first, second, work.positions),
        *(work.windows(costs, first, second) / 1e6, work.by_hidden(costs) / 1e6),
    )
    return chosen


def use_form(network: nn.Module, form: Form) -> nn.Module:
    """Make every layer of a network that has several forms compute in this one; returns the network."""
    for module in network.modules():
        if hasattr(module, "form"):
            module.form = form  # type: ignore[assignment]  # torch's modules have any attribute
    return network
