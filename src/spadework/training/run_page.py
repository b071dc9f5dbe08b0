"""The page of a run: how far it is, what stands out, curves, samples over time; one HTML file, whole in itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from spadework.atomic import write_atomic, write_text_atomic
from spadework.log import read_log
from spadework.training.curves import charts_as_png, charts_as_svg
from spadework.training.hints import Hint, hints, series
from spadework.training.run import Run
from spadework.web_page import picture_uri, web_page

STYLE = Path(__file__).with_suffix(".css")
SHEETS = 8
"""Sample sheets on the page: the newest in full, others evenly spread over the run."""
NEWEST, OLDER = 1100, 520
"""Pixels: how wide they are there."""


def write_page(run: Run, total: int, best_by: str = "") -> list[Hint]:
    """Write `page.html` and `curves.png` of a run that is to see `total` images; returns the hints on the page."""
    lines = read_log(run.folder)
    found = hints(lines, best_by)
    curves = {**series(lines, "losses"), **series(lines, "scores")}
    sheet = charts_as_png(curves)
    write_atomic(run.folder / "curves.png", lambda file: sheet.save(file, "PNG", optimize=True))
    write_text_atomic(run.folder / "page.html", page(run.read_config(), run.folder, lines, found, total))
    return found


def page(
    config: Mapping[str, Any], folder: Path, lines: Sequence[Mapping[str, Any]], found: Sequence[Hint], total: int
) -> str:
    """The whole page; sample sheets are read from the folder."""
    name = folder.resolve().name
    parts = [
        *_head(name, config, lines, total),
        *_hints(found),
        *_curves("Scores", series(lines, "scores")),
        *_samples(sorted(path for path in (folder / "samples").glob("*.png") if path.stem.isdecimal())),
        *_curves("Losses", series(lines, "losses")),
        *_settings(config),
    ]
    return web_page(f"{name}: training", "\n".join(parts), STYLE.read_text(encoding="utf-8"))


def _head(
    name: str, config: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], total: int
) -> Iterator[str]:
    images = lines[-1]["images"] if lines else 0
    share = 100 * images / max(total, 1)
    yield f"<header><p class='soft'>Training of {escape(str(config.get('system', '')))}</p><h1>{escape(name)}</h1>"
    yield f'<div class="bar" role="img" aria-label="{share:.0f} % done"><i style="width:{share:.1f}%"></i></div>'
    timed = [line for line in lines if "images_per_second" in line]
    facts = [f"<b>{images:,}</b> of {total:,} images"]
    if timed:
        last = timed[-1]
        facts.append(f"<b>{last['images_per_second']:.3g}</b> images/s")
        if images < total:
            facts.append(f"<b>{_duration(last['eta_seconds'])}</b> to go")
        facts.append(f"<b>{last['peak_memory_mib'] / 1024:.1f} GiB</b> of memory")
        if last.get("skipped"):
            facts.append(f"<b>{last['skipped']}</b> unreadable pairs replaced")
    if lines:
        facts.append(f"as of {escape(str(lines[-1].get('time', '')).replace('T', ' ').replace('+00:00', ' UTC'))}")
    yield f"<p class='facts'>{'<span>·</span>'.join(facts)}</p></header>"


def _hints(found: Sequence[Hint]) -> Iterator[str]:
    yield "<section><h2>What stands out</h2>"
    if not found:
        yield '<p class="soft">Nothing: the log shows none of the known signs of trouble.</p>'
    else:
        yield '<ul class="hints">'
        for hint in found:
            seen = hint.seen[0].upper() + hint.seen[1:]
            yield f"<li><b>{escape(hint.name)}</b><p>{escape(seen)}.</p><p class='soft'>{escape(hint.cure)}.</p></li>"
        yield "</ul>"
    yield "</section>"


def _curves(title: str, curves: Mapping[str, Any]) -> Iterator[str]:
    if charts := charts_as_svg(curves):
        yield f'<section><h2>{title}</h2><div class="charts">{"".join(charts)}</div></section>'


def _samples(sheets: Sequence[Path]) -> Iterator[str]:
    if not sheets:
        return
    yield '<section><h2>Samples</h2><p class="soft">Label map, real photo, generated photo; the newest first.</p>'
    chosen = sorted({round(i * (len(sheets) - 1) / max(SHEETS - 1, 1)) for i in range(SHEETS)}, reverse=True)
    newest, *older = [sheets[index] for index in chosen]
    yield _figure(newest, NEWEST)
    if older:
        yield f'<div class="older">{"".join(_figure(sheet, OLDER) for sheet in older)}</div>'
    yield "</section>"


def _figure(path: Path, width: int) -> str:
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except OSError:
        return ""  # damaged by somebody; no training ends for it
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    after = f"after {int(path.stem):,} images"
    size = f'width="{image.width}" height="{image.height}"'
    picture = f'<img src="{picture_uri(image, "JPEG")}" alt="samples {after}" {size} decoding="async">'
    return f"<figure>{picture}<figcaption>{after}</figcaption></figure>"


def _settings(config: Mapping[str, Any]) -> Iterator[str]:
    yield "<section><details><summary><h2>Settings</h2></summary><div class='scroll'><table>"
    for group in ("config", "recipe", "data", "started_from"):
        values = config.get(group)
        for name, value in values.items() if isinstance(values, dict) else []:
            if not isinstance(value, dict):
                shown = escape(str(value)[:80])
                yield f"<tr><td class='left soft'>{group.replace('_', ' ')}</td>"
                yield f"<td class='left'>{escape(name)}</td><td class='left'>{shown}</td></tr>"
    yield "</table></div></details></section>"


def _duration(seconds: float) -> str:
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.1f} days"
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(seconds / 60, 0):.0f} min"
