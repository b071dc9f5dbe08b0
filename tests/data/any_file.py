"""Label map files of every kind for property tests: whole ones, and damaged ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image

from spadework.data.ontology import Ontology
from spadework.data.shipped import shipped_ontology

GARDEN = Ontology.from_json(
    {
        "name": "garden",
        "classes": [{"id": id, "name": f"c{id}", "color": [10 + 40 * id, 250 - 30 * id, 7]} for id in (0, 1, 2, 5)],
        "unlabelled": [255],
    }
)
WIDE = Ontology.from_json(
    {"name": "wide", "classes": [{"id": id, "name": f"c{id}"} for id in (3, 300, 40_000)], "unlabelled": [65_535, 9]}
)
ONTOLOGIES = [GARDEN, WIDE, shipped_ontology("coco-stuff"), shipped_ontology("gaugan-demo")]

Writer = Callable[[np.ndarray, Ontology], bytes]
"""Class indices and their ontology -> a file's content."""


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _ids(index: np.ndarray, ontology: Ontology) -> np.ndarray:
    return ontology.to_ids(torch.from_numpy(index)).numpy()


def _colors(index: np.ndarray, ontology: Ontology) -> np.ndarray:
    return ontology.colors().numpy()[index]


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _palette(index: np.ndarray, ontology: Ontology) -> bytes:
    ids = _ids(index, ontology)
    image = Image.fromarray(ids.astype(np.uint8)).convert("L")
    colors = np.zeros((256, 3), np.uint8)
    colors[ids.ravel()] = _colors(index, ontology).reshape(-1, 3)
    image.putpalette(colors.tobytes())
    return _saved(image, "PNG")


def _eight(format: str, **options: object) -> Writer:
    return lambda index, ontology: _saved(Image.fromarray(_ids(index, ontology).astype(np.uint8)), format, **options)


def _sixteen(format: str, **options: object) -> Writer:
    return lambda index, ontology: _saved(Image.fromarray(_ids(index, ontology).astype(np.uint16)), format, **options)


def _array(dtype: type) -> Writer:
    return lambda index, ontology: _npy(_ids(index, ontology).astype(dtype))


def _painted(mode: str) -> Writer:
    return lambda index, ontology: _saved(Image.fromarray(_colors(index, ontology)).convert(mode), "PNG")


EIGHT_BIT: dict[str, Writer] = {
    "8-bit.png": _eight("PNG"),
    "8-bit-adaptive.png": _eight("PNG", optimize=True),
    "palette.png": _palette,
    "8-bit.tiff": _eight("TIFF"),
    "8-bit-lzw.tif": _eight("TIFF", compression="tiff_lzw"),
    "8-bit-deflate.tif": _eight("TIFF", compression="tiff_deflate"),
    "8-bit.bmp": _eight("BMP"),
    "8-bit.pgm": _eight("PPM"),
    "gray-alpha.png": lambda index, ontology: _saved(
        Image.fromarray(_ids(index, ontology).astype(np.uint8)).convert("LA"), "PNG"
    ),
    "gray-rgb.png": lambda index, ontology: _saved(
        Image.fromarray(_ids(index, ontology).astype(np.uint8)).convert("RGB"), "PNG"
    ),
    "uint8.npy": _array(np.uint8),
}
"""For ontologies whose ids are below 256: file name -> writer."""

ANY_IDS: dict[str, Writer] = {
    "16-bit.png": _sixteen("PNG"),
    "16-bit.tiff": _sixteen("TIFF"),
    "16-bit-deflate.tif": _sixteen("TIFF", compression="tiff_deflate"),
    "32-bit.tiff": lambda index, ontology: _saved(Image.fromarray(_ids(index, ontology).astype(np.int32)), "TIFF"),
    "uint16.npy": _array(np.uint16),
    "int32.npy": _array(np.int32),
    "int64.npy": _array(np.int64),
    "fortran.npy": lambda index, ontology: _npy(np.asfortranarray(_ids(index, ontology).astype(np.uint16))),
    "big-endian.npy": lambda index, ontology: _npy(_ids(index, ontology).astype(">u2")),
    "colors.png": _painted("RGB"),
    "colors-alpha.png": _painted("RGBA"),
    "colors.npy": lambda index, ontology: _npy(_colors(index, ontology)),
}
"""For all ontologies."""


@st.composite
def whole_files(draw: st.DrawFn) -> tuple[str, bytes, Ontology, np.ndarray]:
    """File name, content, ontology, and the [H, W] class indices that the file holds."""
    ontology = draw(st.sampled_from(ONTOLOGIES))
    writers = ANY_IDS | (EIGHT_BIT if ontology is not WIDE else {})
    name = draw(st.sampled_from(sorted(writers)))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    seed, most = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, ontology.channels))
    index = np.random.default_rng(seed).integers(0, most, (height, width))
    return name, writers[name](index, ontology), ontology, index


# Damage.


def _flipped(draw: st.DrawFn, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        # Heads are short, and decide more than the rest.
        end = min(len(changed), 64) if draw(st.booleans()) else len(changed)
        changed[draw(st.integers(0, end - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _truncated(draw: st.DrawFn, content: bytes) -> bytes:
    return content[: draw(st.integers(0, len(content) - 1))]


def _with_bytes_between(draw: st.DrawFn, content: bytes) -> bytes:
    place = draw(st.integers(0, len(content)))
    return content[:place] + draw(st.binary(min_size=1, max_size=20)) + content[place:]


def _with_other_sizes(draw: st.DrawFn, content: bytes) -> bytes:
    """Another width and height in the head, its checksum made right; as many pixels as before."""
    width, height = (draw(st.sampled_from([0, 1, 3, 17, 4000, 30_000, 2**31 - 1, 2**32 - 1])) for _ in range(2))
    if content[:4] == b"\x89PNG":
        head = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
        return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]
    if content[:2] == b"BM":
        return content[:18] + struct.pack("<II", width, height) + content[26:]
    if content[:2] == b"P5":
        return f"P5 {width} {height} 255\n".encode() + content[-20:]
    at, end = content.find(b"'shape': "), content.find(b"\n")
    if content[:6] == b"\x93NUMPY" and 10 < at < end:
        head = content[10:at] + f"'shape': ({height}, {width}), }}".encode()
        return content[:10] + head.ljust(end - 10) + content[end:]
    return _flipped(draw, content)


def _something_else(draw: st.DrawFn, content: bytes) -> bytes:
    """A file of another kind altogether, under the same name."""
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    noise = np.random.default_rng(draw(st.integers(0, 99)))
    others: list[Callable[[], bytes]] = [
        lambda: draw(st.binary(max_size=200)),
        lambda: content[:16] + draw(st.binary(max_size=200)),
        lambda: b"\x93NUMPY\x01\x00" + draw(st.binary(max_size=150)),
        lambda: _npy(noise.integers(-5, 70_000, size)),
        lambda: _npy(noise.integers(0, 9, (*size, draw(st.integers(1, 4))))),
        lambda: _npy(noise.random(size)),
        lambda: _npy(np.zeros(size, dtype=[("a", "u1"), ("b", "u1")])),
        lambda: _npy(np.zeros((0, 4), np.uint8)),
        lambda: _npy(np.uint64(2**63) + noise.integers(0, 9, size).astype(np.uint64)),
        lambda: _npy(np.array("text")),
        lambda: _saved(Image.fromarray(noise.integers(0, 65_536, size).astype(np.uint16)), "PNG"),
        lambda: _saved(Image.fromarray(noise.integers(0, 256, (*size, 4)).astype(np.uint8)), "PNG"),
        lambda: _saved(Image.fromarray(noise.integers(0, 256, (*size, 3)).astype(np.uint8)), "PNG"),
        lambda: _saved(Image.fromarray(noise.random(size).astype(np.float32)), "TIFF"),
        *(
            lambda mode=mode, format=format: _saved(Image.new(mode, size, 1), format)
            for mode, format in [
                *(("CMYK", "TIFF"), ("YCbCr", "TIFF"), ("LAB", "TIFF"), ("I", "TIFF"), ("1", "PNG"), ("1", "BMP")),
                *(("L", "JPEG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("RGB", "WEBP"), ("P", "GIF"), ("RGB", "TIFF")),
            ]
        ),
    ]
    return draw(st.sampled_from(others))()


DAMAGE = [_flipped, _truncated, _with_bytes_between, _with_other_sizes, _something_else]


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, bytes, Ontology]:
    """File name, content and ontology of a file that something happened to."""
    name, content, ontology, _ = draw(whole_files())
    for damage in draw(st.lists(st.sampled_from(DAMAGE), min_size=1, max_size=2)):
        content = damage(draw, content) if content else content
    return name, content, ontology
