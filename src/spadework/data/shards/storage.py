"""Where shards lie: a folder on a disk or NFS, or a URL of anything that fsspec knows (s3://, gs://, https://, ...)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fsspec

RETRIES = 3
"""How often a file is asked for again when a store or the way to it fails."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Storage:
    """Files below a folder or a URL."""

    root: str
    """A path, or PROTOCOL://PLACE."""

    @property
    def remote(self) -> bool:
        """Whether files must be fetched before they can be read in part."""
        return "://" in self.root and not self.root.startswith("file://")

    def name(self, file: str) -> str:
        """What messages call a file."""
        return f"{self.root.rstrip('/')}/{file}"

    def path(self, file: str) -> Path:
        """Where a file lies on this machine, unless it is remote."""
        assert not self.remote
        return Path(self.root.removeprefix("file://"), file)

    def exists(self, file: str) -> bool:
        """Whether there is such a file; raises like `read`."""
        if not self.remote:
            return self.path(file).is_file()
        return bool(self._ask(file, lambda system, path: system.exists(path)))

    def read(self, file: str) -> bytes:
        """All bytes of a file.

        Raises ValueError where the file is missing, forbidden, or of a store that can't be read here, and OSError where
        the store fails.
        """
        if not self.remote:
            return self._ask(file, lambda system, path: Path(path).read_bytes())
        return bytes(self._ask(file, lambda system, path: system.cat_file(path)))

    def fetch(self, file: str, target: Path) -> None:
        """Write a file's bytes to `target`; raises like `read`."""
        self._ask(file, lambda system, path: system.get_file(path, os.fspath(target)))

    def _ask(self, file: str, what: Callable[[Any, str], Result]) -> Result:
        name = self.name(file)
        for attempt in range(RETRIES + 1):
            try:
                if not self.remote:
                    return what(None, os.fspath(self.path(file)))
                system, path = fsspec.url_to_fs(name)
                return what(system, path)
            except FileNotFoundError:
                raise ValueError(f"{name}: there is no such file; is the set whole, and its address right?") from None
            except PermissionError as error:
                raise ValueError(f"{name}: not allowed ({error}): check the credentials of this machine") from None
            except (ImportError, ValueError) as error:
                raise ValueError(f"{name}: can't be read here: {error}") from None
            except Exception as error:  # Each store has errors of its own.
                _give_up_or_wait(error, name, attempt, retry=self.remote)
        raise AssertionError("unreachable")


def _give_up_or_wait(error: Exception, name: str, attempt: int, *, retry: bool) -> None:
    if not retry or attempt == RETRIES or _is_about_credentials(error):
        tries = f", tried {attempt + 1} times" if attempt else ""
        raise OSError(f"{name}: can't be read: {type(error).__name__}: {error}{tries}") from None
    time.sleep(2**attempt)


def _is_about_credentials(error: Exception) -> bool:
    return "Credentials" in type(error).__name__
