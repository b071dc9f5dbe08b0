"""The page of a comparison: one table, classes, and the pictures on which the evaluations differ most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from spadework.data.folder import ontology_file
from spadework.data.open import is_shards, open_data
from spadework.data.pair_dataset import PairDataset
from spadework.data.shipped import find_ontology
from spadework.evaluation.compare import Comparison, Difference, Evaluation, Line, spread
from spadework.evaluation.page.page import STYLE
from spadework.evaluation.page.pictures import gallery
from spadework.evaluation.pictures import LabelMaps, PictureFiles, RealPhotos, find_pictures
from spadework.evaluation.shown import Gallery, Row, Shown, Tile, as_image
from spadework.evaluation.subject import GivenPictures, given_files
from spadework.evaluation.variety import evenly_spread
from spadework.web_page import web_page


def comparison_page(comparison: Comparison, pictures: int) -> str:
    """The whole page; `pictures` label maps are shown."""
    names = [one.name for one in comparison.evaluations]
    first = comparison.evaluations[0].report
    width, height = first["size"]
    notes = list(comparison.notes)
    try:
        shown = Shown(some=tuple(_rows(comparison, pictures)))
    except (ValueError, OSError) as error:
        shown = Shown()
        notes.append(f"Pictures can't be shown: {error}")
    parts = [
        f"<header><p class='soft'>Comparison</p><h1>{escape(' · '.join(names))}</h1>",
        f"<p>{first['pictures']:,} label maps, pictures of {width}×{height} pixels, protocol ",
        f"<b>{escape(first['protocol']['name'])}</b>: {escape(first['protocol']['about'])} ",
        f"Differences are from <b>{escape(names[0])}</b>, with 95 % intervals over resampled pictures.</p></header>",
        *_table("Numbers", comparison.lines, names, differences=True),
        *_remarks(notes),
        *_table("Classes: intersection over union", comparison.classes, names, differences=False),
        *gallery(shown, some="Where the segmenter's accuracy differs most between them."),
    ]
    return web_page(f"{' · '.join(names)}: comparison", "\n".join(parts), STYLE.read_text(encoding="utf-8"))


def _table(title: str, lines: Sequence[Line], names: Sequence[str], *, differences: bool) -> Iterator[str]:
    if not lines:
        return
    yield f'<section><h2>{title}</h2><div class="scroll"><table class="compared"><thead><tr>'
    yield '<th class="left" scope="col"></th>'
    yield from (f'<th scope="col">{escape(name)}</th>' for name in names)
    yield '<th scope="col">real photos</th></tr></thead><tbody>'
    for line in lines:
        better = {"higher": "↑ higher is better", "lower": "↓ lower is better", "neither": ""}[line.better]
        hint = f' <span class="soft" title="{better}">{better[:1]}<span class="hidden">{better[1:]}</span></span>'
        yield f'<tr><th class="left" scope="row">{escape(line.name)}{hint if differences else ""}</th>'
        for place in range(len(names)):
            yield _cell(line, place, line.best() == place)
        yield f"<td>{_number(line.ceiling, line)}</td></tr>"
    yield "</tbody></table></div></section>"


def _cell(line: Line, place: int, best: bool) -> str:
    text = _number(line.values[place], line)
    if best:
        text = f'<b>{text}</b><span class="hidden"> (best)</span>'
    if line.intervals and (interval := line.intervals[place]) is not None:
        text += f'<br><span class="soft">{interval.low:.{line.digits}f} to {interval.high:.{line.digits}f}</span>'
    if line.differences and (difference := line.differences[place]) is not None:
        text += f"<br>{difference_in_words(difference, line)}"
    return f"<td>{text}</td>"


def difference_in_words(difference: Difference, line: Line) -> str:
    """ "+1.2 (0.4 to 2.0)", and whether that is clear."""
    low, high = (f"{value:+.{line.digits}f}" for value in (difference.interval.low, difference.interval.high))
    verdict = "clear" if difference.clear else "may be chance"
    return f'{difference.value:+.{line.digits}f} <span class="soft">({low} to {high}; {verdict})</span>'


def _number(value: float | None, line: Line) -> str:
    return "–" if value is None else f"{value:.{line.digits}f}{line.unit}"


def _remarks(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield '<section class="remarks"><h2>Before you believe them</h2><ul>'
        yield from (f"<li>{escape(note)}</li>" for note in notes)
        yield "</ul></section>"


def _rows(comparison: Comparison, number: int) -> Iterator[Row]:
    """label | real | each evaluation's picture; raises ValueError where the data are no longer at their place."""
    first = comparison.evaluations[0].report
    data, size = first["data"], (first["size"][0], first["size"][1])
    has_own = is_shards(data["path"]) or data["path"].endswith(".json") or ontology_file(Path(data["path"]))
    ontology = None if has_own else find_ontology(data["ontology"])
    dataset = open_data([data["path"]], split=data["split"], ontology=ontology, training=False)
    sources = [PictureFiles(_files(one, dataset), size) for one in comparison.evaluations]
    shows = Gallery(LabelMaps(dataset, size), sources[0], RealPhotos(dataset, size), dataset.ontology)
    places = evenly_spread(len(dataset), number)
    if first["numbers"].get("segmentation"):
        places = spread([one.counts() for one in comparison.evaluations], number)
    for place in places:
        label_map, real, _ = shows.row(place, "").tiles
        fakes = [
            Tile(one.name, as_image(source(place)))
            for one, source in zip(comparison.evaluations, sources, strict=True)
        ]
        yield Row(dataset.name(place), (label_map, real, *fakes))


def _files(one: Evaluation, dataset: PairDataset) -> tuple[Path, ...]:
    subject, split = one.report["subject"], one.report["data"]["split"]
    if subject["kind"] == "pictures":
        return given_files(GivenPictures(Path(subject["path"]), split), dataset)
    return find_pictures(one.folder.photos, [dataset.name(place) for place in range(len(dataset))], None)
