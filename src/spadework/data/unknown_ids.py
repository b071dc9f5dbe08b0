"""Words for ids that an ontology doesn't know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class UnknownIds(ValueError):
    """A label map holds ids that the ontology doesn't know."""

    def __init__(self, message: str, pixels: Mapping[int, int], present: Sequence[int]) -> None:
        super().__init__(message)
        self.pixels = dict(pixels)
        """Unknown id -> number of pixels."""
        self.present = tuple(present)
        """All ids of the label map, known or not."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.pixels, self.present)


def explain_unknown(
    amounts: Mapping[int, str], present: Sequence[int], known: Sequence[int], ontology: str, pack: str | None = None
) -> str:
    """One line: the unknown ids with their amounts ("37 pixels"), what the ontology of that name knows, and the cure.

    `present` are all ids that occur, `known` all ids that may (sorted), `pack` the pack whose ids they are.
    """
    shown = [f"label {id} in {amount}" for id, amount in list(amounts.items())[:6]]
    more = f" and {len(amounts) - 6} more ids" if len(amounts) > 6 else ""
    whose = f"pack {pack!r} of ontology {ontology!r}" if pack else f"ontology {ontology!r}"
    cure = _cure(list(amounts), present, known, pack)
    return f"{', '.join(shown)}{more}; {whose} has ids {_ranges(known)}: {cure}"


def _cure(unknown: Sequence[int], present: Sequence[int], known: Sequence[int], pack: str | None) -> str:
    if pack is not None:
        return "add them to its from_pack"
    if set(present) == {0, 255} or set(present) == {255}:
        return 'is this a 0/255 mask? Write class ids instead, or declare 255 as unlabelled ("unlabelled": [255])'
    if list(unknown) == [known[-1] + 1] and min(present) > 0 and known[0] == 0:
        return f"do the files count from 1? Subtract 1, so that they hold 0..{known[-1]}"
    if list(unknown) == [0] and known[0] == 1:
        return 'do the files count from 0? Add 1, or declare 0 as unlabelled ("unlabelled": [0])'
    if len(unknown) > 1 and len(unknown) > len(present) // 2:
        return "is this the right ontology, and are these files label maps?"
    ids = ", ".join(map(str, unknown[:6]))
    mask = ", or did you mean a 0/255 mask?" if 255 in unknown else ", or add it to the classes"
    return f'declare it as unlabelled ("unlabelled": [{ids}]){mask}'


def _ranges(ids: Sequence[int]) -> str:
    """Sorted ids as 0..8, 255."""
    runs: list[list[int]] = []
    for id in ids:
        if runs and id == runs[-1][1] + 1:
            runs[-1][1] = id
        else:
            runs.append([id, id])
    return ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in runs)
