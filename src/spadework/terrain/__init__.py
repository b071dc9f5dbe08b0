"""Terrain: endless labelled landscapes, drawn by the library itself.

    from spadework.terrain import Layout, Style

    layout = Layout.draw(seed=7, size=(256, 256))
    layout.label_map, layout.instance_map        # integers [H, W]
    photo = layout.photo(Style.draw(3))          # float [3, H, W] in [-1, 1]

A layout says what is where; a style says season, light, weather and film. One layout under many styles has one label
map. Both are functions of their seeds alone.
"""

from spadework.terrain.layout import Layout
from spadework.terrain.style import STYLES, Style

__all__ = ["STYLES", "Layout", "Style"]
