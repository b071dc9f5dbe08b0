"""`spadework prepare`: a data set as its owners publish it -> a data folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro
from tyro.conf import OmitArgPrefixes, Positional, arg

from spadework.atomic import readable_bytes
from spadework.choose import choose
from spadework.cli.bars import Bars
from spadework.data.ontology import Ontology
from spadework.data.prepare import DATA_SETS, DataSet, FlickrLandscapes, Prepared
from spadework.data.prepare import prepare as prepare_data
from spadework.segmenters.own import ONTOLOGY, OwnSegmenter

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


@dataclass(frozen=True)
class ByOwnSegmenter(FlickrLandscapes):
    __doc__ = FlickrLandscapes.__doc__

    folder: Annotated[Path | None, arg(name="segmenter")] = None
    """The folder of a segmenter (see `spadework train-segmenter`) that makes the label maps, of its own classes."""

    def loaded(self) -> FlickrLandscapes:
        """The same with the segmenter read, as a callable whose name says which one it is."""
        if self.folder is None:
            return self
        if self.labels is not None:
            raise ValueError(f"--labels {self.labels} and --segmenter {self.folder}: label maps come from one of them")
        segmenter = OwnSegmenter.read(self.folder)

        def label(photo: Any) -> Any:
            return segmenter.label(photo)

        label.__name__ = f"own segmenter {segmenter.weights[0].sha256[:16]}"
        return replace(self, folder=None, segmenter=label, ontology=Ontology.read(self.folder / ONTOLOGY))


OPTIONS: dict[str, type[DataSet]] = {**DATA_SETS, "flickr-landscapes": ByOwnSegmenter}
"""What the command line offers for each data set."""


def prepare(arguments: Sequence[str]) -> None:
    """Prepare the data set, with a bar on the way, and print what is there."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        if not arguments:
            raise ValueError(f"no data set named; there are {', '.join(DATA_SETS)}")
        return
    kind = choose(OPTIONS, arguments[0], "data set")
    command = tyro.cli(
        Prepare[kind],  # type: ignore[valid-type]
        prog=f"{PROG} {arguments[0]}",
        args=list(arguments[1:]),
    )
    if command.workers < 1:
        raise ValueError(f"--workers {command.workers}: expected 1 or more")
    data_set: Any = command.data_set
    if isinstance(data_set, ByOwnSegmenter):
        data_set = data_set.loaded()
    with Bars("files") as bars:
        prepared = prepare_data(
            data_set,
            command.source,
            command.target,
            copy=command.copy,
            verify=command.verify,
            skip_faulty=command.skip_faulty,
            workers=command.workers,
            progress=bars.show,
        )
    _report(arguments[0], command.target, prepared)


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
