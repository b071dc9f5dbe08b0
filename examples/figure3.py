"""Why SPADE: figure 3 of its paper as an experiment that takes minutes and needs no training.

    python examples/figure3.py --out figure3.png

A map that is sky everywhere and one that is grass everywhere should give different photos. A generator of convolutions
and instance norms cannot tell them apart: the first convolution turns a uniform map into uniform features, and the norm
turns those into zeros, whatever the label was. SPADE's generator gets the label after each norm, so it stays.

Both generators have random weights (PyTorch's own start). As a check that the first generator is not just dead, both
also see two maps with contrast in them: sky above grass, and grass above sky.

Rounding: instance norm multiplies features that do not vary by 1 / sqrt(1e-5) = 316, and their rounding errors with
them; some layers on, noise is all there is. So the experiment is done in float64, and what enters a norm is rounded to
nine decimals, which stands for exact arithmetic. What float32 makes of the same networks is measured beside it, and so
is how much of that is rounding noise: the photo of one map in float32 against the photo of the same map in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import tyro
from PIL import Image
from torch import Tensor, nn

from spadework.contact_sheet import contact_sheet
from spadework.layers.modulation import SPADE
from spadework.layers.normalization import instance_norm
from spadework.semantics import Semantics
from spadework.synthesizer import to_image
from spadework.systems.pix2pixhd import GlobalGenerator
from spadework.systems.spade import SpadeGenerator

SKY, GRASS = 0, 1
COLORS = torch.tensor([[110, 180, 235], [130, 190, 70]], dtype=torch.uint8)

DECIMALS = 9
"""Features are compared to this many decimals; float64's own rounding errors lie far below."""


@dataclass(frozen=True)
class Options:
    """Figure 3 of the SPADE paper: uniform maps through norms that see the label map and norms that do not."""

    out: Path = Path("runs/figure3.png")
    """The picture to write."""
    size: int = 128
    """Height and width of the maps in pixels: a multiple of 32, at least 64."""
    width: int = 16
    """Channels of both generators at full resolution; the paper has 64."""
    seeds: int = 5
    """How many pairs of random generators to measure; the picture shows the first."""


@dataclass(frozen=True)
class Result:
    """What one generator makes of two maps."""

    photos: Tensor
    """[2, 3, H, W] in [-1, 1], by float64 without rounding noise."""
    depths: list[float]
    """mean |difference| of the features after each norm (SPADE: after each modulation), first to last."""
    float32: float
    """The relative difference of the photos in plain float32."""
    noise: float
    """The relative difference of two photos of the first map, in float32 and in float64: rounding alone."""

    @property
    def difference(self) -> float:
        """mean |photo_0 - photo_1| / mean |photo|."""
        return relative_difference(*self.photos)


# The generators: the same norm, with and without sight of the label map.


def norm_and_convolution(options: Options) -> nn.Module:
    """pix2pixHD's generator: the map enters at the first convolution."""
    return GlobalGenerator(2, width=options.width, norm=instance_norm)


def spade(options: Options) -> nn.Module:
    """SPADE's generator: the map enters after every norm."""
    modulation = partial(SPADE, semantic_channels=2, norm=instance_norm)
    return SpadeGenerator(2, modulation, width=options.width)


GENERATORS: dict[str, Callable[[Options], nn.Module]] = {"conv + norm": norm_and_convolution, "SPADE": spade}


def map_pairs(size: int) -> dict[str, Tensor]:
    """Name -> two label maps [2, size, size]."""
    sky, grass = torch.full((size // 2, size), SKY), torch.full((size // 2, size), GRASS)
    return {
        "uniform": torch.stack([torch.cat([sky, sky]), torch.cat([grass, grass])]),
        "halves": torch.stack([torch.cat([sky, grass]), torch.cat([grass, sky])]),
    }


# The measurement.


@torch.no_grad()
def measure(generator: nn.Module, maps: Tensor) -> Result:
    """Send two label maps [2, H, W] through a generator, in float32 and in float64."""
    float32 = photos_of(generator.float(), maps).double()
    float64 = photos_of(generator.double(), maps)

    # Exact arithmetic: rounding errors end where a norm would take them up.
    features: list[Tensor] = []
    norms = [module for module in generator.modules() if isinstance(module, nn.InstanceNorm2d)]
    modulations = [module for module in generator.modules() if isinstance(module, SPADE)]
    hooks = [norm.register_forward_pre_hook(lambda _, inputs: inputs[0].round(decimals=DECIMALS)) for norm in norms]
    hooks += [layer.register_forward_hook(lambda *call: features.append(call[-1])) for layer in modulations or norms]
    photos = photos_of(generator, maps)
    for hook in hooks:
        hook.remove()

    depths = [(after[0] - after[1]).abs().mean().item() for after in features]
    noise = relative_difference(float32[0], float64[0])
    return Result(photos, depths, relative_difference(*float32), noise)


def photos_of(generator: nn.Module, maps: Tensor) -> Tensor:
    dtype = next(generator.parameters()).dtype
    return generator(Semantics.from_label_map(maps, len(COLORS), dtype=dtype), tuple(maps.shape[1:]))


def relative_difference(a: Tensor, b: Tensor) -> float:
    """mean |a - b| / mean of |a| and |b|."""
    return ((a - b).abs().mean() / torch.stack([a, b]).abs().mean()).item()


def experiment(options: Options) -> dict[tuple[str, str], list[Result]]:
    """(maps, generator) -> one result per seed."""
    pairs = map_pairs(options.size)
    results: dict[tuple[str, str], list[Result]] = {(maps, name): [] for maps in pairs for name in GENERATORS}
    for seed in range(options.seeds):
        for name, make in GENERATORS.items():
            torch.manual_seed(seed)
            generator = make(options).eval()
            for maps_name, maps in pairs.items():
                results[maps_name, name].append(measure(generator, maps))
    return results


# What a person sees.


def tell(results: dict[tuple[str, str], list[Result]]) -> None:
    print("mean |photo_0 - photo_1| / mean |photo|: mean over seeds (lowest to highest)\n")
    print(f"{'maps':8} {'generator':12} {'exact':24} {'in float32':24} rounding noise in float32")
    for (maps, name), runs in results.items():
        columns = [[run.difference for run in runs], [run.float32 for run in runs], [run.noise for run in runs]]
        print(f"{maps:8} {name:12} " + " ".join(f"{summary(column):24}" for column in columns))

    print("\nmean |difference| of the features after each norm, first to last, exact, mean over seeds")
    for (maps, name), runs in results.items():
        means = [sum(depths) / len(runs) for depths in zip(*(run.depths for run in runs), strict=True)]
        print(f"{maps:8} {name:12} " + " ".join(f"{mean:.2g}" for mean in means))


def summary(values: list[float]) -> str:
    return f"{sum(values) / len(values):.2g} ({min(values):.2g} to {max(values):.2g})"


def draw(results: dict[tuple[str, str], list[Result]], options: Options) -> tuple[Image.Image, float]:
    """Rows: maps and generators; columns: both maps, both photos, their |difference| times the factor returned."""
    pairs = map_pairs(options.size)
    differences = {key: (runs[0].photos[0] - runs[0].photos[1]).abs() for key, runs in results.items()}
    factor = 2 / max(difference.max().item() for difference in differences.values())
    rows = []
    for (maps, name), difference in differences.items():
        labels = [Image.fromarray(COLORS[label_map].numpy()) for label_map in pairs[maps]]
        photos = [to_image(photo) for photo in results[maps, name][0].photos]
        rows.append([*labels, *photos, to_image(difference * factor - 1)])
    return contact_sheet(rows), factor


def main(arguments: list[str] | None = None) -> None:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    results = experiment(options)
    tell(results)
    picture, factor = draw(results, options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(options.out, optimize=True)
    print(f"\n{options.out}: rows {', '.join(f'{maps} / {name}' for maps, name in results)};")
    print(f"columns: both maps, photo_0, photo_1, |photo_0 - photo_1| amplified {factor:.2f} times (black where equal)")


if __name__ == "__main__":
    main()
