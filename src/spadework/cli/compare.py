"""`spadework compare`: evaluations side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

from spadework.atomic import write_json_atomic, write_text_atomic
from spadework.evaluation.compare import compare as compare_all
from spadework.evaluation.console import comparison_as_text
from spadework.evaluation.page.comparison import comparison_page

JSON, PAGE = "compare.json", "compare.html"


@dataclass(frozen=True)
class Compare:
    """Lay evaluations side by side: one table, differences with intervals, pictures."""

    reports: Positional[tuple[Annotated[Path, arg(metavar="REPORT")], ...]]
    """Two or more folders that `spadework evaluate` made. Others are compared with the first."""
    out: Path | None = None
    """A folder for compare.json and compare.html."""
    pictures: int = 6
    """Label maps that the page shows: those on which the evaluations differ most."""


def compare(arguments: Sequence[str]) -> None:
    """Print the table; write the files that were asked for."""
    options = tyro.cli(Compare, prog="spadework compare", args=list(arguments))
    comparison = compare_all(options.reports)
    print(comparison_as_text(comparison))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_json_atomic(options.out / JSON, comparison.to_json())
        write_text_atomic(options.out / PAGE, comparison_page(comparison, options.pictures))
        print(options.out / JSON)
        print(options.out / PAGE)
