"""The model card: what a model is, what it was trained on and how, how good it is, what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spadework.data.ontology import Ontology
from spadework.shipping.training import STARTED, Stage, command_again

CARD = "card.md"


@dataclass(frozen=True)
class Facts:
    """What a card is made of."""

    name: str
    licence: str
    """As the hub writes licences: apache-2.0, cc-by-4.0, ..."""
    description: Mapping[str, Any]
    """The run's config.json."""
    ontology: Ontology
    parameters: Mapping[str, int]
    """By network."""
    bytes: int
    """Of model.safetensors."""
    stages: Sequence[Stage]
    """The trainings that it went through, oldest first."""
    data: str
    """What it was trained on, in words."""
    limits: str
    """What it does badly, in words."""
    metrics: Sequence[tuple[str, str]] = ()
    """Names and numbers of an evaluation."""
    measured_on: str = ""
    """What the metrics were measured on."""
    half: tuple[float, float] | None = None
    """Largest and mean difference between pictures of full and of half precision, in 8-bit values."""


def card(facts: Facts) -> str:
    """Markdown, with the hub's metadata before it."""
    config = facts.description["config"]
    classes = [each.name for each in facts.ontology.classes]
    networks = ", ".join(f"{name} {count:,}" for name, count in facts.parameters.items())
    sections = [
        f"---\nlicense: {facts.licence}\nlibrary_name: spadework\ntags: [semantic-image-synthesis, "
        f"{facts.description['system']}]\n---",
        f"# {facts.name}",
        f"Turns label maps of {len(classes)} classes into pictures of {config['width']}x{config['height']} pixels, "
        f"and of other sizes. System `{facts.description['system']}` of the library spadework. "
        f"Licence: {facts.licence}.",
        f"    spadework generate {facts.name} LABELS --out PHOTOS --seed 3",
        f"**Classes**: {', '.join(classes)}.",
        f"**Parameters**: {networks}; weights of {facts.bytes / 2**20:.1f} MiB in half precision.{_half(facts.half)}",
        f"## Data\n\n{facts.data}",
        f"## Training\n\n{_training(facts)}",
        f"## How good it is\n\n{_metrics(facts)}",
        f"## Limits\n\n{facts.limits}",
    ]
    return "\n\n".join(sections) + "\n"


def _half(difference: tuple[float, float] | None) -> str:
    if difference is None:
        return ""
    largest, mean = difference
    return (
        f" Pictures differ from those of the trained float32 weights by {mean:.2f} of 255 in the mean and by "
        f"{largest:.0f} at most, over the examples beside this card."
    )


def _training(facts: Facts) -> str:
    description, last = facts.description, facts.stages[-1].training
    lines = [_seen(facts.stages)]
    if last is not None and last.losses:
        losses = ", ".join(f"{name} {value:.3g}" for name, value in last.losses.items())
        lines += [f"Losses at the end: {losses}."]
    if started := facts.stages[0].description.get(STARTED):
        before = "" if started["images"] is None else f" after {started['images']:,} images"
        lines += [f"It began with the weights of {started['from']}{before}; these are not counted here."]
    if "data" in description:
        lines += [f"{description['data']['pairs']:,} pairs."]
    lines += [_perceptual(description)]
    return " ".join(lines) + f" Trained again by\n\n{_commands(facts.stages)}"


def _seen(stages: Sequence[Stage]) -> str:
    """Images and hours of all trainings."""
    trainings = [stage.training for stage in stages if stage.training is not None]
    if not trainings:
        return "No log tells how it was trained."
    hours: dict[str, float] = {}
    for training in trainings:
        for name, spent in training.hours.items():
            hours[name] = hours.get(name, 0.0) + spent
    told = "; ".join(f"{spent:.1f} hours on {name}" for name, spent in hours.items())
    sizes = [f"{each.training.images:,} at {_size(each)}" for each in stages if each.training is not None]
    steps = "" if len(sizes) == 1 else f" ({', then '.join(sizes)})"
    return f"{sum(training.images for training in trainings):,} images seen{steps}: {told}."


def _size(stage: Stage) -> str:
    config = stage.description["config"]
    return f"{config['width']}x{config['height']}"


def _commands(stages: Sequence[Stage]) -> str:
    """One for each training; a later one begins with the run of the one before."""
    commands = [
        command_again(
            stage.description,
            None if stage.training is None else stage.training.images,
            "RUN" if len(stages) == 1 else stage.name,
        )
        for stage in stages
    ]
    return "\n".join(f"    {command}" for command in commands)


def _perceptual(description: Mapping[str, Any]) -> str:
    """Which network's features the perceptual loss compared."""
    if not description["config"].get("perceptual_weight"):
        return "No perceptual loss."
    network = (description.get("perceptual") or {}).get("network")
    if network == "segmenter":
        return "The perceptual loss compares features of a segmenter that was trained for it; no ImageNet weights."
    return f"Features of the perceptual loss: {network or 'VGG-19, trained on ImageNet'}."


def _metrics(facts: Facts) -> str:
    if not facts.metrics:
        return f"Not evaluated yet: `spadework evaluate {facts.name} --data DATA --out REPORT`."
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.metrics)
    return f"{facts.measured_on}\n\n| | |\n| --- | --- |\n{rows}"
