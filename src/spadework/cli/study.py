"""`spadework study`: people say which of two results looks more like a photo of a label map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm
from tyro.conf import OmitArgPrefixes, Positional, arg

from spadework.atomic import write_json_atomic, write_text_atomic
from spadework.choose import choose
from spadework.data.folder import FolderDataset
from spadework.data.shipped import find_ontology
from spadework.evaluation.study.console import as_text
from spadework.evaluation.study.create import Settings, create
from spadework.evaluation.study.page import page
from spadework.evaluation.study.report import make_report
from spadework.evaluation.study.serve import serve
from spadework.evaluation.study.share import RESAMPLES
from spadework.evaluation.study.votes_file import as_csv, vote_rows

PROG = "spadework study"


@dataclass(frozen=True)
class Create:
    """Make a study from folders of results: label maps, ours and theirs pair by name. The study is a folder that holds
    copies of all pictures."""

    ours: Annotated[Path, arg(metavar="DIR")]
    """The folder with our results."""
    theirs: Annotated[tuple[str, ...], arg(metavar="NAME=DIR")]
    """Each competitor's name and folder of results."""
    data: Path
    """The label maps: a data folder (labels, ontology.json)."""
    out: Path
    """The study folder to write."""
    settings: OmitArgPrefixes[Settings]
    split: str | None = None
    """Only this split's label maps: train, val or test."""
    name: str | None = None
    """What the data set is called in reports; its ontology's name unless given. For coco-stuff, ade20k, ade20k-outdoor
    and cityscapes the report has the paper's numbers beside."""
    ontology: Path | None = None
    """The classes: a file, or the name of a shipped one such as coco-stuff, where the data folder does not say them."""


@dataclass(frozen=True)
class Serve:
    """Let people answer in their browsers. Every vote is on the disk before it is confirmed; a stopped or killed server
    goes on where it was."""

    study: Positional[Path]
    """The study folder."""
    host: str = "127.0.0.1"
    """Where to listen: this machine only; 0.0.0.0 for all its networks."""
    port: int = 8100
    """The port; 0 takes a free one."""
    url: str | None = None
    """The address that workers type, where a proxy stands before the server: https://study.example.org"""
    links: int = 0
    """Personal links to have at least, one for each worker; they are written into STUDY/links.csv."""
    open: bool = True
    """Whether the address itself lets anybody join; --no-open: by personal links only."""
    lease: float = 10.0
    """Minutes for which a question on somebody's screen is kept from others."""


@dataclass(frozen=True)
class Report:
    """Count the votes, also while the study is served: percentages with intervals, a page, JSON, and the raw votes."""

    study: Positional[Path]
    """The study folder."""
    out: Path | None = None
    """The folder for report.html, report.json, votes.csv and votes.json; STUDY/report unless given."""
    misses: int | None = None
    """Attention checks that a worker may miss; what the study was created with unless given."""
    resamples: int = RESAMPLES
    """Draws of the bootstrap."""


def study(arguments: Sequence[str]) -> None:
    """Create, serve or count a study."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        if not arguments:
            raise ValueError(f"nothing to do named; there are {', '.join(VERBS)}")
        return
    choose(VERBS, arguments[0], "study's verb")(arguments[1:])


def _create(arguments: Sequence[str]) -> None:
    options = tyro.cli(Create, prog=f"{PROG} create", args=list(arguments))
    ontology = None if options.ontology is None else find_ontology(options.ontology)
    data = FolderDataset(options.data, split=options.split, ontology=ontology, training=False, photos_required=False)
    with tqdm(unit=" questions", leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        name = options.name or data.ontology.name
        made = create(options.out, data, name, options.ours, _named(options.theirs), options.settings, progress)
    for note in made.notes:
        print(f"note: {note}")
    plan = made.study
    print(f"{options.out}: {len(plan.real)} questions x {plan.answers} answers = {plan.wanted} votes")
    print(
        f"for each worker up to {plan.quota} questions (attention checks: {plan.checks}); needed are at least", end=" "
    )
    print(f"{max(-(-plan.wanted // plan.quota), plan.answers)} workers")
    print(f"next: {PROG} serve {options.out}")


def _named(theirs: Sequence[str]) -> dict[str, Path]:
    """NAME=DIR as name -> folder."""
    named: dict[str, Path] = {}
    for one in theirs:
        name, equals, folder = one.partition("=")
        if not (equals and name and folder):
            raise ValueError(f"--theirs {one}: expected NAME=DIR, a competitor's name and its folder of results")
        if name in named:
            raise ValueError(f"--theirs: two competitors are called {name!r}: give each a name of its own")
        named[name] = Path(folder)
    return named


def _serve(arguments: Sequence[str]) -> None:
    options = tyro.cli(Serve, prog=f"{PROG} serve", args=list(arguments))
    if not 0 < options.lease < float("inf"):
        raise ValueError(f"--lease {options.lease}: expected minutes, more than 0")
    if options.links < 0:
        raise ValueError(f"--links {options.links}: expected 0 or more")
    serve(
        options.study,
        options.host,
        options.port,
        url=options.url,
        links=options.links,
        open_link=options.open,
        lease=60 * options.lease,
        say=lambda line: print(line, flush=True),
    )


def _report(arguments: Sequence[str]) -> None:
    options = tyro.cli(Report, prog=f"{PROG} report", args=list(arguments))
    if options.resamples < 100:
        raise ValueError(f"--resamples {options.resamples}: expected 100 or more")
    report = make_report(options.study, options.misses, options.resamples)
    print(as_text(report))
    out = options.out or options.study / "report"
    out.mkdir(parents=True, exist_ok=True)
    rows = vote_rows(report)
    write_text_atomic(out / "report.html", page(report))
    write_json_atomic(out / "report.json", report.to_json())
    write_text_atomic(out / "votes.csv", as_csv(rows))
    write_json_atomic(out / "votes.json", rows)
    for name in ("report.html", "report.json", "votes.csv", "votes.json"):
        print(out / name)


VERBS: dict[str, Callable[[Sequence[str]], None]] = {"create": _create, "serve": _serve, "report": _report}


def _usage() -> str:
    summaries = {"create": "make a study from folders of results", "serve": "let people answer in their browsers"}
    summaries["report"] = "count the votes: percentages, intervals, raw votes"
    listed = "\n".join(f"  {verb.ljust(6)}  {summary}" for verb, summary in summaries.items())
    return (
        f"usage: {PROG} VERB [options]\n\n"
        "A label map and two results: which looks more like a photo of it? The human study of the paper.\n\n"
        f"{listed}\n\n`{PROG} VERB --help` lists the options."
    )
