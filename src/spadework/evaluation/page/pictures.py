"""Pictures of the page: rows of label map, real, fake and predicted; label maps in several styles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from PIL import Image

from spadework.evaluation.shown import Row, Shown, Tile
from spadework.web_page import picture_uri

SIDE = 320
"""Pixels: the longer side of a picture on the page."""


def gallery(shown: Shown, some: str = "Evenly spread over the data.") -> Iterator[str]:
    """All pictures; `some` says how `shown.some` were chosen."""
    for title, text, rows in (
        ("Worst pictures", "By accuracy: where the segmenter recognises the label map least.", shown.worst),
        ("Best pictures", "Where it recognises most.", shown.best),
        ("Pictures", some, shown.some),
    ):
        if rows:
            yield f'<section><h2>{title}</h2><p class="soft">{text}</p><div class="rows">'
            for row in rows:
                yield from _row(row)
            yield "</div></section>"
    yield from _grid("Styles", "One label map in each line, in styles of several seeds.", shown.seeds)
    yield from _grid("Styles of photos", "In the first line the photos that lend their style.", shown.guides)


def _row(row: Row) -> Iterator[str]:
    accuracy = "" if row.accuracy is None else f" <b>{100 * row.accuracy:.1f} %</b> right"
    wide = " wide" if len(row.tiles) > 4 else ""
    yield f'<div class="row{wide}"><p><code>{escape(row.name)}</code>{accuracy}</p>'
    yield f'<div class="tiles" style="--tiles:{len(row.tiles)}">'
    yield from (_tile(tile, row.name) for tile in row.tiles)
    yield "</div></div>"


def _grid(title: str, text: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield f'<section><h2>{title}</h2><p class="soft">{text}</p><div class="scroll"><div class="styles">'
    for row in rows:
        yield f'<div class="tiles" style="--tiles:{len(row.tiles)}">'
        yield from (_tile(tile, row.name) if tile.caption else "<div></div>" for tile in row.tiles)
        yield "</div>"
    yield "</div></div></section>"


def _tile(tile: Tile, name: str) -> str:
    alt = escape(f"{tile.caption} of {name}")
    kind = ' class="map"' if tile.is_map else ""
    source = picture_uri(reduced(tile), "PNG" if tile.is_map else "JPEG")
    width, height = tile.image.size
    picture = f'<img{kind} src="{source}" alt="{alt}" width="{width}" height="{height}" decoding="async">'
    return f"<figure>{picture}<figcaption>{escape(tile.caption)}</figcaption></figure>"


def reduced(tile: Tile) -> Image.Image:
    """Small enough for a page; colours of label maps do not mix."""
    scale = SIDE / max(tile.image.size)
    if scale >= 1:
        return tile.image
    size = max(round(tile.image.width * scale), 1), max(round(tile.image.height * scale), 1)
    return tile.image.resize(size, Image.Resampling.NEAREST if tile.is_map else Image.Resampling.LANCZOS)
