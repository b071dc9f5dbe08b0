"""Reports as one HTML file each, which needs nothing else: their common look, light and dark, and pictures inside."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

from PIL import Image

STYLE = Path(__file__).with_suffix(".css")


def web_page(title: str, body: str, style: str = "") -> str:
    """A page with that title and body (HTML); `style` is CSS beyond the common look."""
    look = STYLE.read_text(encoding="utf-8") + style
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{look}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def picture_uri(image: Image.Image, format: str) -> str:
    """A picture as the address of itself; `format` is JPEG for photos, PNG for label maps."""
    buffer = io.BytesIO()
    image.save(buffer, format, **({"quality": 82} if format == "JPEG" else {"optimize": True}))
    return f"data:image/{format.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
