"""Contact sheets: rows of pictures that belong together, `label | real | fake`."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

GAP = 4
"""White pixels between pictures."""


def contact_sheet(rows: Sequence[Sequence[Image.Image]], columns: int = 1) -> Image.Image:
    """Pictures of equal size in a grid, `columns` rows side by side."""
    width, height = rows[0][0].size
    per_row = len(rows[0])
    lines = -(-len(rows) // columns)
    block = per_row * (width + GAP) + GAP
    sheet = Image.new("RGB", (columns * block - GAP * (columns - 1), lines * (height + GAP) + GAP), "white")
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            x = (i % columns) * (block - GAP) + GAP + j * (width + GAP)
            sheet.paste(picture.convert("RGB"), (x, GAP + (i // columns) * (height + GAP)))
    return sheet
