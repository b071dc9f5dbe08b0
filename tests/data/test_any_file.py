"""Whatever lies in a folder of label maps: a correct map, or one message that names the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from spadework.data.label_map import photo_size, read_instance_map, read_label_map, read_photo
from spadework.data.ontology import Ontology
from tests.data.any_file import damaged_files, whole_files

LONG_RUN = 10_000

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def check_whole(folder: Path, file: tuple[str, bytes, Ontology, np.ndarray]) -> None:
    """The map that was written is read."""
    name, content, ontology, index = file
    path = folder / name
    path.write_bytes(content)
    try:
        label_map = read_label_map(path, ontology)
    except ValueError as error:
        # One kind of file says two things at once, and says so.
        assert str(path) in str(error) and "as ids and as colours" in str(error)
    else:
        assert label_map.dtype == torch.int64 and np.array_equal(label_map.numpy(), index)


def check_damaged(folder: Path, file: tuple[str, bytes, Ontology]) -> None:
    """Each reader gives something right or raises a ValueError that names the file."""
    name, content, ontology = file
    path = folder / name
    path.write_bytes(content)
    try:
        label_map = read_label_map(path, ontology)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert label_map.dtype == torch.int64 and label_map.ndim == 2 and label_map.numel()
        assert label_map.min() >= 0 and label_map.max() < ontology.channels
    try:
        instance_map = read_instance_map(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert instance_map.dtype == torch.int64 and instance_map.ndim == 2 and instance_map.numel()
    try:
        photo = read_photo(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert photo.mode == "RGB" and photo_size(path) == photo.size


@given(file=whole_files())
@settings(max_examples=300)
def test_whole_files(folder: Path, file: tuple[str, bytes, Ontology, np.ndarray]) -> None:
    check_whole(folder, file)


@given(file=damaged_files())
@settings(max_examples=300)
def test_damaged_files(folder: Path, file: tuple[str, bytes, Ontology]) -> None:
    check_damaged(folder, file)


@pytest.mark.soak
@given(file=whole_files())
@settings(max_examples=LONG_RUN)
def test_many_whole_files(folder: Path, file: tuple[str, bytes, Ontology, np.ndarray]) -> None:
    check_whole(folder, file)


@pytest.mark.soak
@given(file=damaged_files())
@settings(max_examples=LONG_RUN)
def test_many_damaged_files(folder: Path, file: tuple[str, bytes, Ontology]) -> None:
    check_damaged(folder, file)
