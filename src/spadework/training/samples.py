"""The model as it stands: its weights for generating, and sample sheets made the way every later use makes photos."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from spadework.atomic import write_atomic
from spadework.contact_sheet import contact_sheet
from spadework.data.pair_dataset import PairDataset
from spadework.data.stream import SampleStream, batches
from spadework.layers.normalization import alone
from spadework.model_folder import write_weights
from spadework.sample import Batch, Sample
from spadework.synthesizer import Synthesizer, to_image
from spadework.systems.base import System
from spadework.training.average import WeightAverage
from spadework.training.run import Run
from spadework.training.state import inference_networks

PREVIEWS = 6
"""Pictures of a sample sheet."""


REFRESH = 256
"""Pictures from which averaged weights get their norms' statistics."""


@contextmanager
def finished(system: System, average: WeightAverage | None, stream: SampleStream, batch_size: int) -> Iterator[None]:
    """The system as it would be used: in eval mode, with averaged weights where they are kept."""
    trained = dict(inference_networks(system).items())
    if average is not None:
        for name, network in copy.deepcopy(average.module).named_children():
            setattr(system, name, network)
        device = next(system.parameters()).device
        spans = batches(stream, 0, batch_size, 0, stop=-(-REFRESH // batch_size) * batch_size)
        with alone(system):
            system.refresh(batch.to(device) for _, batch in spans)
    system.eval()
    try:
        yield
    finally:
        for name, network in trained.items():
            setattr(system, name, network)
        system.train()


def write_model_weights(run: Run, system: System) -> None:
    """`model.safetensors`: the weights for generating."""
    write_weights(run.model_path, dict(inference_networks(system).items()))


def write_samples(run: Run, images: int, system: System, previews: PairDataset) -> None:
    """`samples/<images>.png`: rows of `label | real | fake`."""
    synthesizer = Synthesizer(system, previews.ontology, device=str(next(system.parameters()).device))
    rows = [_row(sample, synthesizer) for sample in previews.some(PREVIEWS)]
    sheet = contact_sheet(rows, columns=2)
    write_atomic(run.sample_path(images), lambda file: sheet.save(file, "PNG"))


def _row(sample: Sample, synthesizer: Synthesizer) -> list[Image.Image]:
    batch = Batch.collate([sample])
    assert batch.photo is not None
    label = synthesizer.ontology.colorize(batch.label_map[0])
    fake = synthesizer.batch(batch.label_map, instance_map=batch.instance_map)[0]
    return [Image.fromarray(label.numpy()), to_image(batch.photo[0]), to_image(fake)]
