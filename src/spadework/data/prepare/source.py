"""The files of a data set as their owners publish them: a folder, archives in a folder, or one archive."""

from __future__ import annotations

import fnmatch
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, in a folder or in an archive."""

    path: str
    """Where it lies in the folder or in the archive, with slashes."""
    bytes: int
    """Its size, unpacked."""
    location: Path
    """The file itself, or the archive that holds it."""
    offset: int | None = None
    """Where it begins in the archive; None for a file of its own."""

    @property
    def name(self) -> str:
        """What messages and manifests call it: the archive's name comes first."""
        return self.path if self.offset is None else f"{self.location.name}/{self.path}"


class SourceTree:
    """All files below a folder, and those in the archives there whose stems match `archives`; or those of one archive.

    Nothing is unpacked to disk. Raises ValueError when the root is missing or an archive can't be opened.
    """

    def __init__(self, root: Path, archives: Sequence[str] = (), exclude: Path | None = None) -> None:
        self.root = root
        self._open: dict[Path, zipfile.ZipFile | tarfile.TarFile] = {}
        self._members: dict[tuple[Path, int], zipfile.ZipInfo | tarfile.TarInfo] = {}
        self.archives: list[Path] = []
        """The archives that were opened."""
        self.files: list[SourceFile] = []
        if root.is_dir():
            self.files += _below(root, exclude)
            self.archives += [file.location for file in self.files if _is_wanted(file, archives)]
        elif root.is_file() and archive_suffix(root.name):
            self.archives.append(root)
        elif root.is_file():
            raise ValueError(f"{root}: a file, expected a folder or an archive ({', '.join(ARCHIVE_SUFFIXES)})")
        else:
            raise ValueError(f"{root}: there is no such folder or archive")
        for archive in self.archives:
            self.files += self._list(archive)

    def beside(self, root: Path) -> SourceTree:
        """Another folder or archive, whose files this tree reads and closes too."""
        other = SourceTree(root)
        self._open |= other._open
        self._members |= other._members
        self.archives += other.archives
        return other

    def match(self, pattern: re.Pattern[str]) -> dict[tuple[str, ...], SourceFile]:
        """The files whose path holds the pattern, by its groups.

        A file that lies there both unpacked and in an archive counts once; raises ValueError when the two differ.
        """
        found: dict[tuple[str, ...], SourceFile] = {}
        for file in self.files:
            hit = pattern.search(file.path)
            if hit is None:
                continue
            other = found.setdefault(hit.groups(), file)
            if other is not file and other.bytes != file.bytes:
                raise ValueError(
                    f"{self.root}: {other.name} ({other.bytes} bytes) and {file.name} ({file.bytes} bytes) "
                    "are two versions of one file; was unpacking interrupted? Remove one of them"
                )
        return found

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a file; raises ValueError when they can't be had."""
        try:
            if file.offset is None:
                return file.location.read_bytes()
            archive, member = self._open[file.location], self._members[file.location, file.offset]
            if isinstance(archive, zipfile.ZipFile) and isinstance(member, zipfile.ZipInfo):
                return archive.read(member)
            assert isinstance(archive, tarfile.TarFile) and isinstance(member, tarfile.TarInfo)
            stream = archive.extractfile(member)
            content = b"" if stream is None else stream.read()
            if len(content) != file.bytes:
                raise EOFError(f"{len(content)} of {file.bytes} bytes are there")
            return content
        except _DAMAGE as error:
            cure = "is the file whole?" if file.offset is None else "is the archive whole? Download it again"
            raise ValueError(f"{file.location}: can't read {file.path} ({error}); {cure}") from None

    def content(self) -> str:
        """What lies at the top, for messages: the first few names of files and folders."""
        names = sorted({name + "/" * bool(rest) for name, _, rest in (file.path.partition("/") for file in self.files)})
        return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "nothing"

    def close(self) -> None:
        """Close the archives."""
        for archive in self._open.values():
            archive.close()
        self._open.clear()

    def _list(self, path: Path) -> Iterator[SourceFile]:
        """The files in an archive, which stays open."""
        try:
            if archive_suffix(path.name) == ".zip":
                zipped = self._open[path] = zipfile.ZipFile(path)
                listed = [(info.filename, info.file_size, info.header_offset, info) for info in zipped.infolist()]
                files: list[tuple[str, int, int, zipfile.ZipInfo | tarfile.TarInfo]] = [
                    entry for entry in listed if not entry[3].is_dir()
                ]
            else:
                packed = self._open[path] = tarfile.open(path)  # noqa: SIM115 - closed by `close`
                files = [(info.name, info.size, info.offset_data, info) for info in packed if info.isfile()]
                _require_end(packed)
        except _DAMAGE as error:
            raise ValueError(f"{path}: can't be opened ({error}); is the archive whole? Download it again") from None
        for name, size, offset, member in files:
            if not _is_hidden(name):
                self._members[path, offset] = member
                yield SourceFile(name.removeprefix("./"), size, path, offset)


def archive_suffix(name: str) -> str | None:
    """The suffix that makes a file an archive, or None."""
    return next((suffix for suffix in ARCHIVE_SUFFIXES if name.lower().endswith(suffix)), None)


def _require_end(archive: tarfile.TarFile) -> None:
    """Raise ReadError unless the list of members came to its end: tarfile takes a cut one for a short one."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it ends in the middle")


def _is_wanted(file: SourceFile, stems: Sequence[str]) -> bool:
    suffix = archive_suffix(file.location.name)
    return suffix is not None and any(fnmatch.fnmatch(file.location.name[: -len(suffix)], stem) for stem in stems)


def _is_hidden(path: str) -> bool:
    """Whether a file is one that file managers and notebooks leave behind."""
    return path.startswith("__MACOSX/") or any(part.startswith(".") for part in path.split("/"))


def _below(root: Path, exclude: Path | None) -> Iterator[SourceFile]:
    """The files below a folder in order of their paths, through links but never twice through one folder."""
    seen: set[str] = set() if exclude is None else {os.path.realpath(exclude)}
    for base, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        real = os.path.realpath(base)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            path = Path(base, name)
            relative = path.relative_to(root).as_posix()
            if not _is_hidden(relative) and path.is_file():
                yield SourceFile(relative, path.stat().st_size, path)
