"""Is it going well? What the log of a training says, in plain words, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]
Series = list[tuple[int, float]]
"""(images, value), in their order."""

IMAGES = 2000
"""Before so many, everything looks odd, and nothing is said."""
LINES = 10
"""Fewer lines of the log say nothing about losses."""
SHOULD_FALL = ("feature_matching", "perceptual", "segmentation")
"""Losses that do not depend on who is winning."""


@dataclass(frozen=True)
class Hint:
    """Something that is worth a look."""

    name: str
    """A fixed one for each kind."""
    seen: str
    cure: str

    def __str__(self) -> str:
        return f"{self.seen}. {self.cure}"


def hints(lines: Sequence[Line], best_by: str = "") -> list[Hint]:
    """Hints from the lines of a log (`read_log`); `best_by` is the score by which the best model is kept."""
    if not lines or lines[-1]["images"] < IMAGES:
        return []
    losses, scores = series(lines, "losses"), series(lines, "scores")
    return [hint for look in LOOKS for hint in look(losses, scores)] + list(_no_longer_better(scores, best_by))


def series(lines: Sequence[Line], entry: str) -> dict[str, Series]:
    """name -> its values over time, for the numbers in `losses`, `scores` or another entry of the lines."""
    found: dict[str, Series] = {}
    for line in lines:
        for name, value in line.get(entry, {}).items():
            found.setdefault(name, []).append((line["images"], float(value)))
    return found


Values = Mapping[str, Series]


def _saturated(losses: Values, scores: Values) -> Iterator[Hint]:
    real, fake = _recent(losses.get("real", [])), _recent(losses.get("fake", []))
    if real is not None and fake is not None and 0 <= real < 0.05 and 0 <= fake < 0.05:
        yield Hint(
            "discriminator saturated",
            f"the discriminator tells real from generated photos nearly always (losses {real:.3f} and {fake:.3f}), "
            "so the generator learns little from it",
            "Usual causes: too few photos, a discriminator that is too large (--discriminator-width) or learns too "
            "fast (--no-two-time-scales), label maps that give away which photo is real",
        )


def _learns_nothing(losses: Values, scores: Values) -> Iterator[Hint]:
    real, fake, gan = (_recent(losses.get(name, []), at_least=2 * LINES) for name in ("real", "fake", "gan"))
    if real is None or fake is None or gan is None:
        return
    if abs(real - 1) < 0.02 and abs(fake - 1) < 0.02 and abs(gan) < 0.02:
        yield Hint(
            "discriminator undecided",
            f"the discriminator cannot tell real from generated photos at all (losses {real:.3f} and {fake:.3f})",
            "Normal in the first minutes. If it stays, its learning rate is too low or the networks are too narrow",
        )


def _backwards(losses: Values, scores: Values) -> Iterator[Hint]:
    for name in SHOULD_FALL:
        values = losses.get(name, [])
        now = _recent(values, at_least=2 * LINES)
        if now is None:
            continue
        window = _window(values)
        means = [_mean(values[i : i + window]) for i in range(len(values) - window + 1)]
        if now > 1.5 * min(means) > 0:
            yield Hint(
                "learning rate too high",
                f"{name.replace('_', ' ')} was {min(means):.3g} and has risen to {now:.3g}",
                "The learning rate may be too high: begin a new run from the best model so far (--start-from) with "
                "half the --learning-rate; with bf16, try --precision float32",
            )


def _ignored_style(losses: Values, scores: Values) -> Iterator[Hint]:
    kl = _recent(losses.get("kl", []), at_least=2 * LINES)
    if kl is not None and 0 <= kl < 1e-3:
        yield Hint(
            "style encoder ignored",
            f"the style encoder says nothing about its photos (KL divergence {kl:.1g})",
            "Lower --kl-weight, for instance to a tenth",
        )


def _collapse(losses: Values, scores: Values) -> Iterator[Hint]:
    values = scores.get("style_diversity", [])
    if len(values) < 2:
        return
    now, most = values[-1][1], max(value for _, value in values)
    if now < 0.004 or now < 0.3 * most:
        was = f", it was {100 * most:.2g} %" if most > 2 * now else ""
        yield Hint(
            "mode collapse",
            f"two styles of one label map differ by {100 * now:.2g} % of the range of colours{was}: styles make "
            "hardly a difference",
            "At the beginning of a training that is normal. Later: a larger --kl-weight makes drawn styles resemble "
            "photos' styles; a discriminator that is too strong drives all styles to one look",
        )


def _checkerboard(losses: Values, scores: Values) -> Iterator[Hint]:
    values = scores.get("spectral_peak", [])
    if len(values) >= 2 and min(values[-1][1], values[-2][1]) > 6:
        yield Hint(
            "checkerboard",
            f"a pattern of 2 or 4 pixels lies over the photos, {values[-1][1]:.0f} times as strong as its neighbours",
            "It often fades with more training; otherwise a lower --learning-rate, or --norm instance",
        )


def _overfitting(losses: Values, scores: Values) -> Iterator[Hint]:
    seen, held_out = scores.get("real_seen", []), scores.get("real_held_out", [])
    if len(seen) < 2 or len(held_out) < 2:
        return
    known, unknown = _mean(seen[-2:]), _mean(held_out[-2:])
    if unknown - known > 0.5 and unknown > 2 * known:
        yield Hint(
            "discriminator overfits",
            f"the discriminator knows its photos by heart: its loss is {known:.2f} on photos that it learnt from, "
            f"{unknown:.2f} on others",
            "More photos help most, then crops (--preprocess resize_and_crop with a larger --load-size), --flip, "
            "a narrower discriminator, or fine-tuning a model trained on more photos (--start-from)",
        )


def _blurred(losses: Values, scores: Values) -> Iterator[Hint]:
    values = scores.get("sharpness", [])
    if len(values) < 5:
        return
    now = values[-1][1]
    if now < 0.5:
        yield Hint(
            "blurred",
            f"generated photos have {100 * now:.0f} % of the real ones' sharpness",
            "They sharpen with time; if they don't, weigh the perceptual and feature-matching losses less, and look "
            "whether label maps and photos lie exactly upon each other (spadework check)",
        )
    elif now > 1.5:
        yield Hint(
            "noisy",
            f"generated photos have {100 * now:.0f} % of the real ones' sharpness: noise, or patterns",
            "A lower --learning-rate helps, and averaged weights (--average 0.999)",
        )


def _no_longer_better(scores: Values, best_by: str) -> Iterator[Hint]:
    values = scores.get(best_by, [])
    if len(values) < 6:
        return
    best = best_of(values, best_by)
    since = sum(images > best[0] for images, _ in values)
    if since >= max(5, len(values) // 3):
        yield Hint(
            "no longer better",
            f"{best_by.replace('_', ' ')} has not improved for {since} evaluations: it was best ({best[1]:.4g}) after "
            f"{best[0]} images",
            "That model is kept in best/; training on may not pay",
        )


LOOKS: tuple[Callable[[Values, Values], Iterator[Hint]], ...] = (
    *(_saturated, _learns_nothing, _backwards, _ignored_style),
    *(_collapse, _checkerboard, _overfitting, _blurred),
)

HIGHER_IS_BETTER = {"mean_iou", "accuracy", "style_diversity", "sharpness"}


def best_of(values: Series, name: str) -> tuple[int, float]:
    """(images, value) of the best value of a score; the first of equal ones."""
    return (max if name in HIGHER_IS_BETTER else min)(values, key=lambda item: item[1])


def _window(values: Series) -> int:
    return max(5, len(values) // 10)


def _recent(values: Series, at_least: int = LINES) -> float | None:
    return _mean(values[-_window(values) :]) if len(values) >= at_least else None


def _mean(values: Series) -> float:
    return sum(value for _, value in values) / len(values)
