"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import pickle
import tempfile
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.atomic import (
    DiskFullError,
    readable_bytes,
    sweep_partial,
    write_atomic,
    write_json_atomic,
    write_text_atomic,
)
from tests.full_disk import KINDS, ROOM, little_room

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('aé日\n"\\'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(chunks=st.lists(st.binary(max_size=5000)), before=st.none() | st.binary())
def test_the_new_file_holds_what_was_written(chunks: list[bytes], before: bytes | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        if before is not None:
            path.write_bytes(before)
        write_atomic(path, lambda file: [file.write(chunk) for chunk in chunks])
        assert path.read_bytes() == b"".join(chunks)
        assert os.listdir(folder) == ["file"]


@settings(max_examples=40)
@given(json_values)
def test_json_comes_back(value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "value.json"
        write_json_atomic(path, value)
        assert json.loads(path.read_text(encoding="utf-8")) == value


def test_json_is_readable_and_in_the_order_given(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "a.json", {"zoo": "Bäume", "a": [1]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "zoo": "Bäume",\n  "a": [\n    1\n  ]\n}\n'


def test_json_refuses_what_is_no_json(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "a.json", 1)
    with pytest.raises(ValueError, match="JSON"):
        write_json_atomic(tmp_path / "a.json", float("nan"))
    assert (tmp_path / "a.json").read_text() == "1\n"


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), OSError(5, "no such sector")])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, error: BaseException, exists: bool) -> None:
    path = tmp_path / "file"
    if exists:
        path.write_text("old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomic(path, fail)
    assert caught.value is error
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == ([("file", "old")] if exists else [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_is_explained(tmp_path: Path, kind: str, exists: bool) -> None:
    with little_room(kind, tmp_path / "disk") as disk:
        path = disk / "file"
        if exists:
            write_text_atomic(path, "old")
        with pytest.raises(DiskFullError) as caught:
            write_atomic(path, lambda file: file.write(bytes(ROOM + 4096)))

        message = str(caught.value)
        assert str(path) in message and "at least 2.0 MiB" in message and "free in" in message and "Cure" in message
        assert ("the file from before is untouched" in message) == exists
        assert os.listdir(disk) == (["file"] if exists else [])
        write_text_atomic(path, "there is room again")
        assert path.read_text() == "there is room again"


def test_a_full_disk_in_another_process_is_explained(tmp_path: Path) -> None:
    """On the way from a worker to its parent an exception is pickled."""
    error = DiskFullError(tmp_path / "file", errno.ENOSPC, 4096, "nothing was lost")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is DiskFullError and again.errno == errno.ENOSPC
    assert str(again).split("free in")[1:] == str(error).split("free in")[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_seen_through_a_library_that_hides_it(tmp_path: Path, kind: str) -> None:
    def rename_error(file: BinaryIO) -> None:
        try:
            file.write(bytes(ROOM + 4096))
        except OSError as error:
            raise RuntimeError("unexpected position") from error

    def swallow_error(file: BinaryIO) -> None:
        try:
            file.write(bytes(ROOM + 4096))
        except OSError:
            return

    with little_room(kind, tmp_path / "disk") as disk:
        for write in (rename_error, swallow_error):
            with pytest.raises(DiskFullError):
                write_atomic(disk / "file", write)
        assert os.listdir(disk) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder.*missing"):
        write_text_atomic(tmp_path / "missing" / "file", "")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "real")
    write_text_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "real").read_text() == "new"


def test_sweeping_takes_only_what_killed_writers_left(tmp_path: Path) -> None:
    # A process that dies in the middle of writing, so that its leftover has the true name.
    child = os.fork()
    if child == 0:
        write_atomic(tmp_path / "a.json", lambda file: [file.write(b"half"), os._exit(0)])
    os.waitpid(child, 0)
    (leftover,) = os.listdir(tmp_path)
    assert leftover.startswith(".a.json.")
    others = {"a.json", ".lock", "b.partial", ".b.partial", ".b.12.partial", ".b.1-2.partial.txt", "x.b.1-2.partial"}
    for name in others:
        (tmp_path / name).touch()
    sweep_partial(tmp_path)
    assert set(os.listdir(tmp_path)) == others


def test_bytes_for_people() -> None:
    sizes = [0, 1023, 1024, 1536 << 10, 3 << 30, 5 << 40, 5000 << 40]
    expected = ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 MiB", "3.0 GiB", "5.0 TiB", "5000.0 TiB"]
    assert [readable_bytes(size) for size in sizes] == expected
