"""Files in folders and archives, under one set of names."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from spadework.data.prepare import Ade20k, prepare
from spadework.data.prepare.source import SourceTree
from tests.data.prepare import owners
from tests.data.prepare.owners import lay_out

FILES = {"a": {"top/one.txt": b"one", "top/two.txt": b"two" * 100}, "b": {"three.txt": b"three"}}


def contents(tree: SourceTree) -> dict[str, bytes]:
    return {file.path: tree.read(file) for file in tree.files if not file.path.endswith((".zip", ".tar", ".gz"))}


@pytest.mark.parametrize("form", ["folder", "zip", "tar", "tar.gz"])
def test_all_forms_hold_the_same(form: str, tmp_path: Path) -> None:
    tree = SourceTree(lay_out(FILES, tmp_path / "x", form), ("a", "b"))
    assert contents(tree) == FILES["a"] | FILES["b"]
    assert {file.bytes for file in tree.files if file.path == "top/two.txt"} == {300}
    tree.close()


def test_only_named_archives_are_opened(tmp_path: Path) -> None:
    root = lay_out(FILES, tmp_path / "x", "zip")
    (root / "holiday.zip").write_bytes(b"not even an archive")
    assert contents(SourceTree(root, ("a*",))) == FILES["a"]


def test_what_file_managers_leave_is_passed_over(tmp_path: Path) -> None:
    root = lay_out(
        {"a": {"one.txt": b"1", "__MACOSX/one.txt": b"2", "._one.txt": b"3", "x/.hidden": b"4"}}, tmp_path / "x", "zip"
    )
    assert contents(SourceTree(root, ("a",))) == {"one.txt": b"1"}


def test_one_file_unpacked_and_packed_counts_once(tmp_path: Path) -> None:
    root = lay_out(FILES, tmp_path / "x", "zip")
    lay_out({"": FILES["a"]}, tmp_path / "x/unpacked", "folder")
    tree = SourceTree(root, ("a", "b"))
    found = tree.match(re.compile(r"(?:^|/)(one|two)\.txt$"))
    assert {key[0]: tree.read(file) for key, file in found.items()} == {"one": b"one", "two": b"two" * 100}
    assert all(file.offset is None for file in found.values())
    (tmp_path / "x/unpacked/top/two.txt").write_bytes(b"tw")
    with pytest.raises(
        ValueError, match=r"two\.txt \(2 bytes\) and a\.zip/top/two\.txt \(300 bytes\) are two versions"
    ):
        SourceTree(root, ("a", "b")).match(re.compile(r"(?:^|/)(two)\.txt$"))


@pytest.mark.parametrize("share", [0.2133, 0.5, 0.6])
@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_an_archive_cut_short_is_named(form: str, share: float, tmp_path: Path) -> None:
    root = lay_out(owners.ade20k_challenge(), tmp_path / "x", form)
    archive = root / f"ADEChallengeData2016.{form}"
    archive.write_bytes(archive.read_bytes()[: int(len(archive.read_bytes()) * share)])
    with pytest.raises(ValueError, match=rf"ADEChallengeData2016\.{form}: can't be opened .*Download it again"):
        prepare(Ade20k(), root, tmp_path / "out")


def test_a_damaged_member_is_named_and_the_rest_kept(tmp_path: Path) -> None:
    root = lay_out(owners.ade20k_challenge(), tmp_path / "x", "zip")
    archive = root / "ADEChallengeData2016.zip"
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo("ADEChallengeData2016/images/training/ADE_train_00000003.jpg")
    content = bytearray(archive.read_bytes())
    content[member.header_offset + 200 : member.header_offset + 220] = bytes(20)
    archive.write_bytes(content)
    message = (
        r"1 faulty pair in .*; 11 good files .*\n- .*2016\.zip: can't read .*ADE_train_00000003\.jpg .*Download it"
    )
    with pytest.raises(ValueError, match=message):
        prepare(Ade20k(), root, tmp_path / "out")


def test_other_files_are_no_source(tmp_path: Path) -> None:
    (tmp_path / "x.rar").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x\.rar: a file, expected a folder or an archive \(\.zip, \.tar, "):
        SourceTree(tmp_path / "x.rar")


def test_messages_show_what_is_there(tmp_path: Path) -> None:
    tree = SourceTree(lay_out({"a": {f"{letter}/x.txt": b"" for letter in "jihgfedcba"}}, tmp_path / "x", "folder"))
    assert tree.content() == "a/, b/, c/, d/, e/, f/, g/, h/, ..."
