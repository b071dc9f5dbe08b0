"""`spadework generate`: label maps into photos."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import tyro
from tyro.conf import Positional

from spadework.atomic import write_atomic
from spadework.cli.inputs import INSTANCE_MAPS, LABEL_MAPS, find_inputs, keep_inputs
from spadework.layers.form import use_form
from spadework.synthesizer import load

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generate:
    """Turn label maps into photos."""

    model: Positional[str]
    """A model folder, a run folder, or the name of a model: see `spadework models`."""
    labels: Positional[tuple[Path, ...]]
    """Label maps: files, or folders of them; a data folder stands for the label maps of all its splits."""
    out: Path
    """The folder for the photos, NAME.png each; subfolders stay as they are among the label maps."""
    style: Path | None = None
    """A photo whose style to take, or a .npy file with a style vector."""
    seed: int | None = None
    """The number that draws the style; 0 unless given. The same for all label maps."""
    instances: Path | None = None
    """A folder of instance maps, or the data folder, paired with the label maps by name."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """Where to compute."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the networks; bf16 is quicker where the processor computes in it."""
    compile: bool = False
    """Let torch.compile fuse the modulation; the first photo takes longer, and a CPU needs a C++ compiler for it."""
    fill_unlabelled: bool | None = None
    """Give unlabelled pixels the class of the nearest labelled one; unless said, as the model wants it."""
    dense: bool = False
    """Compute every pixel as the papers draw it, instead of every distinct window once: the same photo, slower."""
    verbose: bool = False
    """Tell for each layer how it was computed, and how long each photo took."""


def generate(arguments: Sequence[str]) -> None:
    """Write one photo per label map, and print its path."""
    options = tyro.cli(Generate, prog="spadework generate", args=list(arguments))
    label_maps = find_inputs(options.labels, LABEL_MAPS)
    instances = {} if options.instances is None else find_inputs([options.instances], INSTANCE_MAPS)
    if missing := [name for name in label_maps if options.instances and name not in instances]:
        raise ValueError(
            f"{options.instances}: no instance map for {len(missing)} of {len(label_maps)} label maps, "
            f"{missing[0]} for one; they pair by name"
        )
    targets = {name: options.out / f"{name}.png" for name in label_maps}
    style = [] if options.style is None else [options.style]
    keep_inputs(targets.values(), [*label_maps.values(), *instances.values(), *style])

    if options.verbose:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("spadework").setLevel(logging.INFO)
    synthesizer = load(
        options.model,
        device=options.device,
        precision=options.precision,
        compile=options.compile,
        fill_unlabelled=options.fill_unlabelled,
    )
    if options.dense:
        use_form(synthesizer.system, "dense")
    chosen = None if options.style is None else synthesizer.read_style(options.style)
    for name, label_map in label_maps.items():
        start = time.perf_counter()
        photo = synthesizer(label_map, instance_map=instances.get(name), style=chosen, seed=options.seed)
        logger.info("%s: %.0f ms with reading", label_map, 1000 * (time.perf_counter() - start))
        targets[name].parent.mkdir(parents=True, exist_ok=True)
        write_atomic(targets[name], partial(photo.save, format="PNG"))
        print(targets[name], flush=True)
