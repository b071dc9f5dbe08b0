"""Colours: label maps painted, or saved with a palette, in other colours than the ontology's."""

from __future__ import annotations

from spadework.data.doctor.facts import PairFacts, without
from spadework.data.doctor.finding import LEAVE_OUT, Finding, Repair, count, label_cases
from spadework.data.doctor.repairs import colors_to_ids, nearest_colors_to_ids, unknown_pixels
from spadework.data.map_file import LOSSY

PHOTO_COLORS = 4000
"""A picture with more different colours than this is no label map, however it was smoothed."""


def find_colors(facts: list[PairFacts]) -> list[Finding]:
    """Lossy files, photos among the label maps, smoothed and unknown colours, palettes that name other classes."""
    lossy = [fact for fact in facts if fact.label.format in LOSSY]
    colored = without([fact for fact in facts if fact.label.colors is not None], lossy)
    photos = [fact for fact in colored if _is_photo(fact)]
    smooth = without([fact for fact in colored if fact.label.colors and fact.label.colors.exact >= 0.5], photos)
    other = without(colored, photos, smooth)
    snapped = without([fact for fact in facts if fact.label.snapped is not None], lossy)
    return _lossy(lossy) + _photos(photos) + _smooth(smooth, snapped) + _other(other) + _accepted(facts)


def _lossy(facts: list[PairFacts]) -> list[Finding]:
    photos = [fact for fact in facts if fact.label.colors is not None and _is_photo(fact)]
    facts = without(facts, photos)
    found = _photos(photos)
    for refused in (True, False):
        some = [fact for fact in facts if (fact.label.error is not None) == refused]
        if some:
            formats = "/".join(sorted({fact.label.format for fact in some}))
            seen = f"{count(len(some), 'label map')} saved as {formats}, which changes ids and colours near every edge"
            cure = "save label maps as PNG, from the original and not from these files"
            near = all(_snaps(fact) for fact in some)
            snapped = Repair("each colour became the nearest class's id, saved as PNG", nearest_colors_to_ids)
            severity = "error" if refused else "warning"
            repair = snapped if near else LEAVE_OUT
            found.append(Finding("lossy-label", severity, seen, cure, label_cases(some), repair))  # type: ignore[arg-type]
    return found


def _photos(facts: list[PairFacts]) -> list[Finding]:
    if not facts:
        return []
    seen = f"{count(len(facts), 'label map')} with the many colours of a photo"
    cure = "are the folders of photos and label maps swapped, or a photo copied among the label maps?"
    cases = label_cases(facts, lambda fact: f"{fact.label.colors.distinct} different colours")
    return [Finding("label-is-photo", "error", seen, cure, cases, LEAVE_OUT)]


def _smooth(refused: list[PairFacts], snapped: list[PairFacts]) -> list[Finding]:
    """Refused where the mixtures are too many to be sure, read with the nearest class otherwise."""
    found = []
    cure = "paint and resize without anti-aliasing, and save as PNG"
    if refused:
        seen = (
            f"{count(len(refused), 'coloured label map')} with many mixed colours, as smoothing (anti-aliasing) makes"
        )
        repair = Repair("colours -> ids, mixed colours snapped to the class beside them", colors_to_ids)
        cases = label_cases(
            refused, lambda fact: f"{1 - fact.label.colors.exact:.2%} of the pixels are no class's colour"
        )
        found.append(Finding("smoothed-colours", "error", seen, cure, cases, repair, unknown_pixels))
    if snapped:
        seen = f"{count(len(snapped), 'coloured label map')} with mixed colours, which are read as the nearest class's"
        repair = Repair("colours -> ids, each the nearest class's", nearest_colors_to_ids)
        cases = label_cases(snapped, lambda fact: f"{fact.label.snapped:.2%} of the pixels are no class's colour")
        found.append(Finding("smoothed-colours", "warning", seen, cure, cases, repair, unknown_pixels))
    return found


def _other(facts: list[PairFacts]) -> list[Finding]:
    if not facts:
        return []
    seen = f"{count(len(facts), 'label map')} in colours that are no class's"
    cure = "give the classes these colours in the ontology (--ontology FILE), or save ids in one channel"
    cases = label_cases(facts, lambda fact: fact.label.error or "")
    return [Finding("unknown-colours", "error", seen, cure, cases, LEAVE_OUT, unknown_pixels)]


def _accepted(facts: list[PairFacts]) -> list[Finding]:
    """Label maps that can be read, but not for what they seem, or not as well as they could be."""
    found = []
    contradicting = [fact for fact in facts if fact.label.palette_contradicts]
    if contradicting:
        seen = (
            f"{count(len(contradicting), 'palette picture')} whose palette paints other classes than its indices name: "
            "a program renumbered the palette when it saved them?"
        )
        cure = "if the colours are right, save them as RGB, or as one channel of ids"
        repair = Repair("the palette's colours became ids", colors_to_ids)
        found.append(Finding("palette-contradicts", "warning", seen, cure, label_cases(contradicting), repair))
    painted = [fact for fact in facts if fact.label.pixels is not None and fact.label.mode in ("RGB", "RGBA")]
    exact = [fact for fact in painted if fact.label.snapped is None]
    if exact:
        seen = f"{count(len(exact), 'label map')} painted in colours: read exactly, but large and slow"
        repair = Repair("colours -> ids", colors_to_ids)
        cure = "save ids in one channel"
        found.append(Finding("coloured-labels", "note", seen, cure, label_cases(exact), repair))
    return found


def _snaps(fact: PairFacts) -> bool:
    """Whether the nearest class's colour is a safe guess for nearly all pixels."""
    colors = fact.label.colors
    return fact.label.snapped is not None or (colors is not None and colors.near >= 0.9)


def _is_photo(fact: PairFacts) -> bool:
    colors = fact.label.colors
    return colors is not None and colors.distinct > PHOTO_COLORS and colors.exact < 0.5 and colors.near < 0.9
