"""Reading label maps in every form, and refusing what would change ids."""

from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from spadework.data.label_colors import SnappedColors, nearest_index
from spadework.data.label_map import (
    PaletteDisagrees,
    photo_size,
    photo_to_tensor,
    read_instance_map,
    read_label_map,
    read_photo,
)
from spadework.data.ontology import Ontology, SemanticClass, UnknownIds
from tests.data.pictures import COLORS, ids, painted

LABEL = ids(3)
INDEX = torch.from_numpy(np.where(LABEL == 255, 4, LABEL).astype(np.int64))


def palette_image(values: np.ndarray, colors: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(values).convert("L")
    image.putpalette([part for color in colors for part in color])
    assert image.mode == "P"
    return image


def write_png(path: Path, width: int, height: int, bits: int, color_type: int, body: bytes) -> None:
    """A PNG of rows that Pillow does not write; each row begins with its filter, 0."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))


# Everything that can hold ids.


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "pgm"])
def test_eight_bit_files(tmp_path: Path, ontology: Ontology, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(LABEL).save(path)
    label_map = read_label_map(path, ontology)
    assert label_map.dtype == torch.int64 and torch.equal(label_map, INDEX)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@given(values=arrays.arrays(np.uint16, st.tuples(st.integers(1, 5), st.integers(1, 5))))
def test_sixteen_bit_files(tmp_path_factory: pytest.TempPathFactory, suffix: str, values: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("wide") / f"a.{suffix}"
    Image.fromarray(values).save(path)
    classes = tuple(SemanticClass(int(id), f"class {id}", (0, 0, 0)) for id in np.unique(values))
    ontology = Ontology("wide", classes)
    assert torch.equal(ontology.to_ids(read_label_map(path, ontology)), torch.from_numpy(values.astype(np.int64)))
    assert torch.equal(read_instance_map(path), torch.from_numpy(values.astype(np.int64)))


def test_npy(tmp_path: Path, ontology: Ontology) -> None:
    np.save(tmp_path / "a.npy", LABEL.astype(np.int32))
    assert torch.equal(read_label_map(tmp_path / "a.npy", ontology), INDEX)


def test_things_in_memory(ontology: Ontology) -> None:
    for source in (LABEL, LABEL.astype(np.int64), torch.from_numpy(LABEL), Image.fromarray(LABEL)):
        assert torch.equal(read_label_map(source, ontology), INDEX)


def test_one_bit(tmp_path: Path, ontology: Ontology) -> None:
    Image.fromarray(LABEL == 1).save(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").mode == "1"
    assert torch.equal(read_label_map(tmp_path / "a.png", ontology), torch.from_numpy((LABEL == 1).astype(np.int64)))


@pytest.mark.parametrize(("bits", "packed"), [(2, [0b00011011]), (4, [0x01, 0x23])])
def test_few_bits_are_not_stretched(tmp_path: Path, ontology: Ontology, bits: int, packed: list[int]) -> None:
    path = tmp_path / "a.png"
    write_png(path, 4, 1, bits, 0, b"\0" + bytes(packed))
    assert read_label_map(path, ontology).tolist() == [[0, 1, 2, 3]]


def test_three_equal_channels_are_ids(ontology: Ontology) -> None:
    assert torch.equal(read_label_map(np.stack([LABEL] * 3, axis=2), ontology), INDEX)


# Palette pictures.


def test_palette_indices_are_ids(tmp_path: Path, ontology: Ontology) -> None:
    label = np.where(LABEL == 255, 0, LABEL)
    palette_image(label, [(9, 9, 9), *COLORS]).save(tmp_path / "a.png")
    assert torch.equal(read_label_map(tmp_path / "a.png", ontology), torch.from_numpy(label.astype(np.int64)))


def test_palette_colors_when_indices_are_unknown(tmp_path: Path, ontology: Ontology) -> None:
    label = np.where(LABEL == 255, 0, LABEL)
    palette_image(label + 10, [(9, 9, 9)] * 10 + COLORS).save(tmp_path / "a.png")
    assert torch.equal(read_label_map(tmp_path / "a.png", ontology), torch.from_numpy(label.astype(np.int64)))


def test_palette_that_contradicts_its_indices(tmp_path: Path, ontology: Ontology) -> None:
    label = np.where(LABEL == 255, 0, LABEL)
    renumbered = [COLORS[id] for id in (1, 0, 2, 3)]
    palette_image(label, renumbered).save(tmp_path / "a.png")
    message = r"a\.png: read by the palette's indices, but 2 of them .*index 0 is 'sky', painted as 'grass'.*save .*RGB"
    with pytest.warns(PaletteDisagrees, match=message):
        label_map = read_label_map(tmp_path / "a.png", ontology)
    assert torch.equal(label_map, torch.from_numpy(label.astype(np.int64)))


def test_palettes_that_contradict_nothing_are_silent(ontology: Ontology, recwarn: pytest.WarningsRecorder) -> None:
    label = np.where(LABEL == 255, 0, LABEL)
    for colors in (COLORS, [(9, 9, 9), *COLORS], [(0, 0, 0)] * 4):
        read_label_map(palette_image(label, colors), ontology)
    assert not recwarn.list


def test_palette_that_is_neither(tmp_path: Path, ontology: Ontology) -> None:
    palette_image(np.full((2, 2), 10, np.uint8), [(9, 9, 9)] * 11).save(tmp_path / "a.png")
    with pytest.raises(UnknownIds, match=r"a\.png: label 10 in 4 pixels"):
        read_label_map(tmp_path / "a.png", ontology)


# Colours.


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_exact_colors(tmp_path: Path, ontology: Ontology, mode: str) -> None:
    painted(LABEL).convert(mode).save(tmp_path / "a.png")
    assert torch.equal(read_label_map(tmp_path / "a.png", ontology), INDEX)


@given(index=arrays.arrays(np.int64, (6, 7), elements=st.integers(0, 39)))
def test_colorize_and_back(index: np.ndarray) -> None:
    data = {"name": "many", "classes": [{"id": id, "name": f"c{id}"} for id in range(39)], "unlabelled": [255]}
    ontology = Ontology.from_json(data)
    label_map = torch.from_numpy(index)
    assume((index < 39).any())  # An all-black picture may be read as ids too, and is refused.
    assert torch.equal(read_label_map(ontology.colorize(label_map), ontology), label_map)


def many(count: int = 12) -> Ontology:
    """Classes in generated colours, 255 unlabelled."""
    entries = [{"id": id, "name": f"c{id}"} for id in range(count)]
    return Ontology.from_json({"name": "many", "classes": entries, "unlabelled": [255]})


def blocks(ontology: Ontology, size: int = 96, seed: int = 0) -> torch.Tensor:
    """[size, size] class indices in squares of 24 pixels."""
    squares = np.random.default_rng(seed).integers(0, ontology.channels, (size // 24, size // 24))
    return torch.from_numpy(squares.repeat(24, axis=0).repeat(24, axis=1))


def test_a_color_slightly_off_is_the_nearest_class(tmp_path: Path, ontology: Ontology) -> None:
    picture = np.array(painted(LABEL))
    picture[0, :8] = (3, 240, 5)
    Image.fromarray(picture).save(tmp_path / "a.png")
    message = r"a\.png: 1\.04% of the pixels have no class's exact colour .* \(0\.00% lie between classes\): was it"
    with pytest.warns(SnappedColors, match=message) as said:
        label_map = read_label_map(tmp_path / "a.png", ontology)
    expected = INDEX.clone()
    expected[0, :8] = 1
    assert torch.equal(label_map, expected)
    assert isinstance(said[0].message, SnappedColors) and said[0].message.share == 8 / LABEL.size


def test_a_missing_class_is_an_error(tmp_path: Path, ontology: Ontology) -> None:
    picture = np.array(painted(LABEL))
    picture[0, :8] = (0, 160, 90)
    Image.fromarray(picture).save(tmp_path / "a.png")
    message = r"a\.png: colour \(0, 160, 90\) \(nearest: 'grass' \(0, 250, 0\)\), 1.04% of the pixels, .* exact colours"
    with pytest.raises(ValueError, match=message):
        read_label_map(tmp_path / "a.png", ontology)


def test_smoothed_colors(ontology: Ontology) -> None:
    with pytest.raises(ValueError, match="without interpolation"):
        read_label_map(painted(LABEL).resize((45, 31)), ontology)


def test_no_third_class_appears_along_soft_edges() -> None:
    # A straight edge between the first and the last of three classes, whose mixture is exactly half-way: the second.
    first, last = (200, 40, 40), (40, 40, 200)
    colors = [first, (118, 42, 118), last]
    ontology = Ontology("three", tuple(SemanticClass(id, f"c{id}", color) for id, color in enumerate(colors)))
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, :200], picture[:, 200:] = first, last
    picture[::2, 199], picture[1::2, 199] = (121, 40, 119), (90, 40, 150)
    snapped = nearest_index(picture, ontology)
    assert set(snapped.index.unique().tolist()) == {0, 2}
    assert snapped.share == snapped.mixed == pytest.approx(1 / 400)
    assert (snapped.index[:, :199] == 0).all() and (snapped.index[:, 200:] == 2).all()


@given(data=st.data())
def test_noise_below_the_limit_changes_nothing(data: st.DataObject) -> None:
    ontology = many(data.draw(st.integers(1, 40)))
    label_map = blocks(ontology, seed=data.draw(st.integers(0, 99)))
    colors = ontology.colorize(label_map).numpy().astype(int)
    assume((colors != colors[..., :1]).any())  # Grays are ids.
    palette = ontology.colors().double()
    gap = float((torch.cdist(palette, palette) + 1e9 * torch.eye(len(palette))).min())
    most = int(min(gap / 3, 24) / 3**0.5 - 0.01)
    noise = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-most, most + 1, colors.shape)
    snapped = nearest_index((colors + noise).clip(0, 255).astype(np.uint8), ontology)
    assert torch.equal(snapped.index, label_map) and snapped.mixed == 0


@pytest.mark.parametrize(("suffix", "format"), [("jpg", "JPEG"), ("webp", "WEBP")])
def test_lossy_colors_are_read_with_a_warning(tmp_path: Path, suffix: str, format: str) -> None:
    ontology = many()
    label_map = blocks(ontology)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(ontology.colorize(label_map).numpy()).save(path, quality=95, subsampling=0)
    with pytest.warns(SnappedColors, match=rf"a\.{suffix}: .*{format} is lossy; save label maps as PNG"):
        read = read_label_map(path, ontology)
    assert (read != label_map).float().mean() < 0.03


def test_photos_are_no_label_maps(ontology: Ontology) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    with pytest.raises(ValueError, match="was it resized, smoothed, or a photo"):
        read_label_map(noise, ontology)


def test_snapped_colors_survive_pickling() -> None:
    warning = pickle.loads(pickle.dumps(SnappedColors("text", 0.5)))
    assert (str(warning), warning.share) == ("text", 0.5)


def test_color_of_two_classes() -> None:
    ontology = Ontology("twins", (SemanticClass(0, "a", (1, 2, 3)), SemanticClass(1, "b", (1, 2, 3))))
    with pytest.raises(ValueError, match=r"colour \(1, 2, 3\) is both 'a' and 'b'"):
        read_label_map(np.full((2, 2, 3), (1, 2, 3), np.uint8), ontology)


def test_grays_that_are_colors() -> None:
    ontology = Ontology("gray", (SemanticClass(0, "a", (128, 128, 128)), SemanticClass(1, "b", (0, 0, 0))))
    gray = np.array([[[128] * 3, [0] * 3]], np.uint8)
    assert read_label_map(gray, ontology).tolist() == [[0, 1]]


def test_grays_that_may_be_either() -> None:
    ontology = Ontology("gray", (SemanticClass(0, "a", (1, 1, 1)), SemanticClass(1, "b", (0, 0, 0))))
    with pytest.raises(ValueError, match="as ids and as colours"):
        read_label_map(np.array([[[1] * 3, [0] * 3]], np.uint8), ontology)


def test_transparent_pixels(ontology: Ontology) -> None:
    image = painted(LABEL).convert("RGBA")
    image.putpixel((0, 0), (0, 250, 0, 100))
    with pytest.raises(ValueError, match="1 pixels are transparent"):
        read_label_map(image, ontology)


# What is refused, with the file's name.


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_lossy_files(tmp_path: Path, ontology: Ontology, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(LABEL).save(path)
    for read in (lambda: read_label_map(path, ontology), lambda: read_instance_map(path)):
        with pytest.raises(ValueError, match=rf"a\.{suffix}: .* is lossy.*save the map as PNG"):
            read()
    with pytest.raises(ValueError, match="is lossy"):
        read_label_map(Image.open(path), ontology)


@pytest.mark.parametrize("name", ["a.gif", "a.ico"])
def test_formats_that_nobody_keeps_maps_in(tmp_path: Path, ontology: Ontology, name: str) -> None:
    painted(LABEL).save(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name}: .* is no format for label or object ids; save the map as PNG"):
        read_label_map(tmp_path / name, ontology)


@pytest.mark.parametrize("head", [b"P5 2 2 15\n", b"P2 2 2 15\n0 1 2 3\n"])
def test_ppm_of_few_steps_is_not_stretched(tmp_path: Path, ontology: Ontology, head: bytes) -> None:
    (tmp_path / "a.pgm").write_bytes(head + bytes([0, 1, 2, 3]))
    with pytest.raises(ValueError, match=r"a\.pgm: its brightest value is neither 255 nor 65535"):
        read_label_map(tmp_path / "a.pgm", ontology)


def test_plain_ppm_files(tmp_path: Path, ontology: Ontology) -> None:
    for text in ("P2 2 2 255\n0 1 2 3\n", "P2 2 2 65535\n0 1 2 3\n"):
        (tmp_path / "a.pgm").write_text(text)
        assert read_label_map(tmp_path / "a.pgm", ontology).tolist() == [[0, 1], [2, 3]]
    (tmp_path / "a.pbm").write_text("P1 2 2\n0 1\n1 0\n")
    assert sorted(read_label_map(tmp_path / "a.pbm", ontology).unique().tolist()) == [0, 1]


@pytest.mark.parametrize("color_type", [2, 4, 6])
def test_channels_of_sixteen_bits_are_refused(tmp_path: Path, ontology: Ontology, color_type: int) -> None:
    channels = {2: 3, 4: 2, 6: 4}[color_type]
    body = b"\0" + struct.pack(f">{channels}H", *[258] * channels)
    write_png(tmp_path / "a.png", 1, 1, 16, color_type, body)
    with pytest.raises(ValueError, match=r"a\.png: several channels of 16 bits each"):
        read_label_map(tmp_path / "a.png", ontology)


def test_an_npy_file_shorter_than_it_says(tmp_path: Path, ontology: Ontology) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 4), np.uint8))
    path.write_bytes(path.read_bytes().replace(b"(4, 4)", b"(99999999, 99999999)").ljust(200, b" "))
    with pytest.raises(ValueError, match=r"a\.npy: can't be read as an NPY array"):
        read_label_map(path, ontology)


def test_errors_of_all_kinds_inside_pillow(tmp_path: Path, ontology: Ontology) -> None:
    # The place of the pixels (tag 273) as a fraction: Pillow raises a TypeError.
    path = tmp_path / "a.tiff"
    Image.fromarray(LABEL).save(path)
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    places = [start + 2 + 12 * entry for entry in range(entries)]
    (place,) = (place for place in places if struct.unpack_from("<H", content, place) == (273,))
    struct.pack_into("<HHII", content, place, 273, 5, 1, 8)
    path.write_bytes(content)
    for read in (lambda: read_label_map(path, ontology), lambda: read_instance_map(path), lambda: read_photo(path)):
        with pytest.raises(ValueError, match=r"a\.tiff: can't be read as a picture"):
            read()


def test_tiff_with_jpeg_inside(tmp_path: Path, ontology: Ontology) -> None:
    Image.fromarray(LABEL).save(tmp_path / "a.tiff", compression="jpeg")
    with pytest.raises(ValueError, match=r"a\.tiff: TIFF with JPEG inside is lossy"):
        read_label_map(tmp_path / "a.tiff", ontology)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((2, 2)), "the given array: expected whole numbers, got float64"),
        (torch.zeros(2, 2), "expected whole numbers, got torch.float32"),
        (torch.zeros(2, 2, dtype=torch.bfloat16), "expected whole numbers, got torch.bfloat16"),
        (np.zeros((1, 2, 2), np.int64), r"expected ids \[H, W\].* got int64 \[1, 2, 2\]"),
        (np.zeros((0, 2), np.int64), "it is empty"),
        (Image.new("F", (2, 2)), "the given picture: a picture of mode 'F' holds no ids"),
        (Image.new("CMYK", (2, 2)), "a picture of mode 'CMYK' holds no ids"),
    ],
)
def test_wrong_things(ontology: Ontology, source: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_label_map(source, ontology)


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_broken_files(tmp_path: Path, ontology: Ontology, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(ValueError, match=rf"{name}: there is no such file"):
        read_label_map(path, ontology)
    for content in (b"", b"not a picture", b"\x89PNG\r\n\x1a\nrest"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: can't be read.*is the file whole"):
            read_label_map(path, ontology)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files(tmp_path: Path, ontology: Ontology, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    painted(noise).save(tmp_path / "b.jpg")
    for name in ("a.png", "b.jpg"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"a\.png: can't be read"):
        read_label_map(tmp_path / "a.png", ontology)
    with pytest.raises(ValueError, match=r"b\.jpg: can't be read"):
        read_photo(tmp_path / "b.jpg")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "npy"])
@given(data=st.data())
def test_damaged_files_give_ids_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"a.{suffix}"
    ontology = Ontology("four", tuple(SemanticClass(id, f"class {id}", (id, 0, 0)) for id in range(4)), (255,))
    np.save(path, LABEL) if suffix == "npy" else Image.fromarray(LABEL).save(path)
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        label_map = read_label_map(path, ontology)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert label_map.min() >= 0 and label_map.max() < ontology.channels


def test_unknown_ids_name_the_file(tmp_path: Path, ontology: Ontology) -> None:
    Image.fromarray(np.full((2, 3), 7, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UnknownIds, match=r"a\.png: label 7 in 6 pixels; ontology 'park' has ids 0\.\.3, 255") as caught:
        read_label_map(tmp_path / "a.png", ontology)
    assert caught.value.pixels == {7: 6}


# Instance maps.


def test_instance_map_of_32_bits(tmp_path: Path) -> None:
    values = np.array([[0, 70_000], [2_000_000, 1]], np.int32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    assert read_instance_map(tmp_path / "a.tiff").tolist() == values.tolist()


def test_instance_map_in_colors() -> None:
    with pytest.raises(ValueError, match="one channel"):
        read_instance_map(painted(LABEL))


# Photos.


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    painted(LABEL).save(path, exif=exif)
    photo = read_photo(path)
    assert photo.size == ((32, 24) if orientation < 5 else (24, 32)) == photo_size(path)
    turned = {1: 0, 2: None, 3: 2, 4: None, 5: None, 6: 3, 7: None, 8: 1}[orientation]
    if turned is not None:
        assert np.array_equal(np.asarray(photo), np.rot90(np.asarray(painted(LABEL)), turned))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_photos_become_rgb(tmp_path: Path, mode: str) -> None:
    painted(LABEL).convert(mode).save(tmp_path / "a.tiff")
    assert read_photo(tmp_path / "a.tiff").mode == "RGB"


def test_deep_photos_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: a photo of mode 'I;16'"):
        read_photo(tmp_path / "a.png")


def test_missing_photos(tmp_path: Path) -> None:
    for read in (read_photo, photo_size):
        with pytest.raises(ValueError, match=r"a\.jpg: there is no such file"):
            read(tmp_path / "a.jpg")


def test_photo_to_tensor() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    photo = photo_to_tensor(Image.fromarray(np.stack([every, every[::-1], every], axis=2)))
    assert photo.shape == (3, 16, 16) and photo.dtype == torch.float32
    expected = (torch.arange(256, dtype=torch.float64).reshape(16, 16) / 255 - 0.5) / 0.5
    torch.testing.assert_close(photo[0].double(), expected, rtol=0, atol=1e-6)
    assert torch.equal(photo[1], photo[0].flip(0)) and photo.min() == -1 and photo.max() == 1
