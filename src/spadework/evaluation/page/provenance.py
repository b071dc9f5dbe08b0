"""What made the numbers: the protocol in words, every file and version, and what each part cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from spadework.evaluation.report import Report

TITLES = {
    "subject": "What was evaluated",
    "data": "Data",
    "segmenter": "Segmenter",
    "inception": "Inception",
    "lpips": "LPIPS",
    "variety": "Diversity and style fidelity",
    "intervals": "Intervals",
    "versions": "Versions",
}


def speed(report: Report) -> Iterator[str]:
    """What each part cost."""
    yield '<section><h2>What it cost</h2><div class="scroll"><table><thead><tr><th class="left" scope="col">part</th>'
    yield '<th scope="col">pictures</th><th scope="col">seconds of one thread</th><th scope="col">pictures/s</th>'
    yield "</tr></thead><tbody>"
    for rate in report.rates:
        yield f'<tr><th class="left" scope="row">{escape(rate.part)}</th><td>{rate.pictures:,}</td>'
        yield f"<td>{rate.seconds:.1f}</td><td>{rate.per_second:.1f}</td></tr>"
    yield "</tbody></table></div></section>"


def provenance(report: Report) -> Iterator[str]:
    """The protocol in words, then everything that decides a number."""
    yield "<section><h2>How these numbers were made</h2><ol class='words'>"
    yield from (f"<li>{escape(sentence)}</li>" for sentence in report.protocol.in_words())
    yield "</ol>"
    for key, title in TITLES.items():
        value = report.work.get(key)
        if value is not None:
            yield f"<details><summary>{title}</summary><dl>"
            yield from _entries(value)
            yield "</dl></details>"
    yield "</section>"


def _entries(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, item in value.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(item, dict) and item:
            yield from _entries(item, f"{name} / ")
        elif item not in (None, [], {}):
            yield f"<dt>{escape(name)}</dt><dd><code>{escape(_text(item))}</code></dd>"


def _text(item: Any) -> str:
    """A value in a line; of files of weights, name and SHA-256."""
    if isinstance(item, list) and all(isinstance(one, dict) and {"name", "sha256"} <= one.keys() for one in item):
        return ", ".join(f"{one['name']} {one['sha256']}" for one in item)
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
