"""Contact sheets."""

from __future__ import annotations

from PIL import Image

from spadework.contact_sheet import GAP, contact_sheet

COLORS = ["red", "lime", "blue", "black", "yellow", "aqua"]


def picture(color: str) -> Image.Image:
    return Image.new("RGB", (10, 6), color)


def pixels_of(sheet: Image.Image, color: str) -> set[tuple[int, int]]:
    wanted = picture(color).getpixel((0, 0))
    return {(x, y) for x in range(sheet.width) for y in range(sheet.height) if sheet.getpixel((x, y)) == wanted}


def block(x: int, y: int) -> set[tuple[int, int]]:
    return {(x + i, y + j) for i in range(10) for j in range(6)}


def test_rows_below_each_other() -> None:
    sheet = contact_sheet([[picture(color) for color in COLORS[:3]], [picture(color) for color in COLORS[3:]]])
    assert sheet.size == (3 * 10 + 4 * GAP, 2 * 6 + 3 * GAP)
    for i, color in enumerate(COLORS):
        assert pixels_of(sheet, color) == block(GAP + i % 3 * (10 + GAP), GAP + i // 3 * (6 + GAP)), color


def test_rows_side_by_side() -> None:
    rows = [[picture(left), picture(right)] for left, right in zip(COLORS[::2], COLORS[1::2], strict=True)]
    sheet = contact_sheet(rows, columns=2)
    assert sheet.size == (4 * 10 + 5 * GAP, 2 * 6 + 3 * GAP)
    for color, (column, line) in zip(COLORS, [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1)], strict=True):
        assert pixels_of(sheet, color) == block(GAP + column * (10 + GAP), GAP + line * (6 + GAP)), color


def test_gray_and_palette_pictures_are_welcome() -> None:
    sheet = contact_sheet([[Image.new("L", (10, 6), 0), picture("red").convert("P")]])
    assert pixels_of(sheet, "black") == block(GAP, GAP) and pixels_of(sheet, "red") == block(2 * GAP + 10, GAP)
