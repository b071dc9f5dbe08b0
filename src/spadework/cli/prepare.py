"""`spadework prepare`: a data set as its owners publish it -> a data folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import tyro
from tqdm import tqdm
from tyro.conf import OmitArgPrefixes, Positional, arg

from spadework.atomic import readable_bytes
from spadework.choose import choose
from spadework.data.prepare import DATA_SETS, DataSet, Prepared
from spadework.data.prepare import prepare as prepare_data

Options = TypeVar("Options", bound=DataSet)

PROG = "spadework prepare"


@dataclass(frozen=True)
class Prepare(Generic[Options]):
    """Bring a data set as its owners publish it into a data folder; nothing is downloaded.

    Interrupted at any moment, the same command goes on; once complete, it looks whether all files are there.
    """

    source: Positional[Annotated[Path, arg(metavar="SRC")]]
    """The folder with the owners' archives, or with what was in them; or one archive (zip, tar)."""
    target: Positional[Annotated[Path, arg(metavar="DST")]]
    """The data folder to write."""
    data_set: OmitArgPrefixes[Options]
    copy: bool = False
    """Copy photos and maps that need no change. Unless given they are hard links where possible: these take no space,
    but whoever edits one in place edits the original too."""
    verify: bool = False
    """Compare every byte of what is there with the manifest, not only sizes; what is damaged is made anew."""
    skip_faulty: bool = False
    """Leave pairs out that can't be used (and list them in the manifest) instead of failing in the end."""
    workers: int = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 16)
    """Processes that decode, convert and write."""


def prepare(arguments: Sequence[str]) -> None:
    """Prepare the data set, with a bar on the way, and print what is there."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        if not arguments:
            raise ValueError(f"no data set named; there are {', '.join(DATA_SETS)}")
        return
    kind = choose(DATA_SETS, arguments[0], "data set")
    command = tyro.cli(
        Prepare[kind],  # type: ignore[valid-type]
        prog=f"{PROG} {arguments[0]}",
        args=list(arguments[1:]),
    )
    if command.workers < 1:
        raise ValueError(f"--workers {command.workers}: expected 1 or more")
    with _Bar() as bar:
        prepared = prepare_data(
            command.data_set,
            command.source,
            command.target,
            copy=command.copy,
            verify=command.verify,
            skip_faulty=command.skip_faulty,
            workers=command.workers,
            progress=bar.show,
        )
    _report(arguments[0], command.target, prepared)


class _Bar:
    """A bar on the terminal, a line now and then elsewhere; a new one for each stage."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._stage = ""

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, what: str, done: int, total: int) -> None:
        """Say how far a stage is."""
        if self._bar is None or self._stage != what:
            self.__exit__()
            self._stage = what
            pause = 0.1 if sys.stderr.isatty() else 30.0
            self._bar = tqdm(desc=what, total=total, unit=" files", mininterval=pause, leave=False)
        self._bar.update(done - self._bar.n)


def _report(name: str, target: Path, prepared: Prepared) -> None:
    for note in prepared.notes:
        print(f"note: {note}", file=sys.stderr)
    for pair, reason in prepared.left_out.items():
        print(f"note: {pair} is left out: {reason}", file=sys.stderr)
    pairs = ", ".join(f"{split} {count:,}" for split, count in prepared.pairs.items())
    done = f"{prepared.made:,} of {prepared.files:,} files made now" if prepared.made else "nothing was left to do"
    print(f"{target} is complete: {name}, pairs: {pairs}; {readable_bytes(prepared.bytes)}; {done}")


def _usage() -> str:
    summaries = {name: (kind.__doc__ or "").splitlines()[0] for name, kind in DATA_SETS.items()}
    width = max(map(len, DATA_SETS))
    listed = "\n".join(f"  {name.ljust(width)}  {summary}" for name, summary in summaries.items())
    return (
        f"usage: {PROG} NAME SRC DST [options]\n\n"
        "Bring a data set as its owners publish it (archives or folders) into a data folder; nothing is downloaded.\n\n"
        f"{listed}\n\n`{PROG} NAME --help` says which archives it needs, and lists the options."
    )
