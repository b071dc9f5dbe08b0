"""An evaluation from beginning to end: pictures, what judges see of them, sums, report. Read it from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spadework.atomic import write_json_atomic, write_text_atomic
from spadework.data.folder import FolderDataset
from spadework.data.pair_dataset import PairDataset
from spadework.data.shards.dataset import ShardDataset
from spadework.data.shards.index import checksum
from spadework.evaluation.blocks import BlockFolder, blocks_of
from spadework.evaluation.bootstrap import LEVEL, REPLICATES
from spadework.evaluation.diversity import PairMeasure
from spadework.evaluation.feature_distances import SegmenterFeatures
from spadework.evaluation.folder import PAGE, REPORT, EvaluationFolder
from spadework.evaluation.generate import GenerateWork, Generating, check_ontology, has_encoder, has_styles
from spadework.evaluation.ground_truth import match_classes
from spadework.evaluation.judges import Judges
from spadework.evaluation.left_out import of_variety, without_inception, without_segmenter
from spadework.evaluation.measure import FeatureWork, SegmentWork
from spadework.evaluation.moments import write_npz
from spadework.evaluation.numbers import distances, gaussian, judgement
from spadework.evaluation.page import page
from spadework.evaluation.pictures import LabelMaps, PictureFiles, RealPhotos, content_hash
from spadework.evaluation.processes import Progress, finish, one_thread
from spadework.evaluation.protocol import Protocol, Size
from spadework.evaluation.published import published
from spadework.evaluation.real_side import default_cache, real_store
from spadework.evaluation.report import Report, extremes, rate
from spadework.evaluation.shown import Gallery, Shown
from spadework.evaluation.structural_similarity import SHORTEST_SIDE, MsSsim
from spadework.evaluation.style_work import StyleWork
from spadework.evaluation.subject import (
    GivenPictures,
    Subject,
    check_style,
    describe,
    given_files,
    model_ontology,
    remarks,
    size_of,
)
from spadework.evaluation.variety import MAPS_PER_BLOCK, DiversityWork, MeanDifference, Variety, evenly_spread

SEED = 0
"""Of the bootstrap."""
EXTREMES = 6
"""Best and worst pictures that are shown, each."""
PACKAGES = ("spadework", "torch", "torchvision", "numpy", "pillow")


@dataclass(frozen=True)
class Data:
    """What label maps and real photos come from."""

    dataset: PairDataset
    path: str
    split: str | None = None


def evaluate(
    subject: Subject,
    data: Data,
    protocol: Protocol,
    judges: Judges,
    out: Path,
    *,
    size: Size | None = None,
    variety: Variety | None = None,
    notes: Sequence[str] = (),
    processes: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate, write `out`/report.json and report.html, and return the report.

    Interrupted at any moment, the same call goes on where it was and comes to the same numbers; so it does with any
    number of processes. Raises ValueError for what does not fit together, before anything is computed. `notes` are
    put into the report.
    """
    folder, dataset = EvaluationFolder(out), data.dataset
    if len(dataset) < 2:
        raise ValueError(f"{data.path}: an evaluation wants at least 2 pairs of photo and label map; there is 1")

    # What is evaluated, on what, and by whom.
    files = given_files(subject, dataset) if isinstance(subject, GivenPictures) else ()
    size = size_of(subject, protocol, size, files)
    if isinstance(subject, Generating):
        check_ontology(model_ontology(subject), dataset.ontology)
        check_style(subject)
    segmenter = None if judges.segmenter is None else judges.segmenter()
    inception = None if judges.inception is None else judges.inception()
    truth = None if segmenter is None else match_classes(dataset.ontology, segmenter.classes, protocol.ignored)
    variety = variety if isinstance(subject, Generating) else None
    work: dict[str, Any] = {
        "subject": describe(subject, files),
        "data": describe_data(data),
        "protocol": protocol.to_json(),
        "size": list(size),
        "segmenter": None if segmenter is None or truth is None else {**segmenter.describe(), **truth.to_json()},
        "inception": None if inception is None else inception.describe(),
        "lpips": None if judges.lpips is None else judges.lpips().describe(),
        "judges_device": judges.device,
        "variety": None if variety is None else asdict(variety),
        "intervals": {"method": "bootstrap over pictures", "level": LEVEL, "replicates": REPLICATES, "seed": SEED},
        "versions": {package: version(package) for package in PACKAGES},
    }
    with folder.locked():
        folder.begin(work)
        blocks = blocks_of(len(dataset))
        do = partial(finish, processes=processes, progress=progress)
        of_real = partial(_of_real, cache or default_cache(), work)
        rates = []

        # Pictures.
        label_maps = LabelMaps(dataset, size)
        generate = None
        if isinstance(subject, Generating):
            weights = work["subject"]["weights_sha256"]
            generate = GenerateWork(subject, label_maps, folder.photos, folder.part("photos"), weights)
            do(generate, blocks)
            rates.append(rate("generating", generate.seconds, blocks))
            files = generate.files
        pictures = PictureFiles(files, size)

        # What the segmenter sees in them, and in the real photos.
        fake = real = in_segmenter = in_inception = None
        if segmenter is not None and truth is not None and judges.segmenter is not None:
            judged = LabelMaps(dataset, protocol.judged_size(size))
            sees = partial(SegmentWork, label_maps=judged, truth=truth, make=judges.segmenter, device=judges.device)
            of_fake, of_reals = folder.part("segmenter"), of_real("segmenter", work["segmenter"])
            do(sees("segmenter, pictures", pictures, store=of_fake), blocks)
            do(sees("segmenter, real photos", RealPhotos(dataset, size), store=of_reals), blocks)
            rates.append(rate("segmenter", of_fake, blocks))
            with one_thread():
                fake = judgement(of_fake, blocks, len(truth.classes), protocol.absent, SEED)
                real = judgement(of_reals, blocks, len(truth.classes), protocol.absent, SEED)
                in_segmenter = distances(of_reals, of_fake, blocks, SegmenterFeatures(segmenter), folder.path)

        # What Inception sees.
        if inception is not None and judges.inception is not None:
            sees_features = partial(FeatureWork, make=judges.inception, device=judges.device)
            reals = RealPhotos(dataset, size if protocol.real == "resized" else None)
            of_fake, of_reals = folder.part("inception"), of_real("inception", work["inception"])
            do(sees_features("Inception, pictures", pictures, store=of_fake), blocks)
            do(sees_features("Inception, real photos", reals, store=of_reals), blocks)
            rates.append(rate("Inception", of_fake, blocks))
            with one_thread():
                in_inception = distances(of_reals, of_fake, blocks, inception, folder.path)
                write_npz(folder.path / "inception.npz", gaussian(of_fake, blocks))

        # What a model can vary.
        gallery = Gallery(label_maps, pictures, RealPhotos(dataset, size), dataset.ontology)
        shown = Shown()
        diversity = style = None
        has = {"styles": False, "encoder": False}
        places = evenly_spread(len(dataset), 0 if variety is None else variety.maps)
        if generate is not None and variety is not None and places:
            synthesizer = generate.load()
            has = {"styles": has_styles(synthesizer), "encoder": has_encoder(synthesizer)}
            few = blocks_of(len(places), MAPS_PER_BLOCK)
            if has["styles"]:
                make = partial(_measures, judges, size)
                names = tuple(measure.name for measure in make())
                varied = DiversityWork(generate, places, variety.styles, names, make, folder.part("diversity"))
                do(varied, few)
                diversity = varied.sum_up(few, SEED)
                rates.append(rate("diversity", varied.store, few, variety.styles))
            if has["encoder"] and len(places) > 1:
                styled = StyleWork(generate, places, judges.segmenter, folder.part("style"))
                do(styled, few)
                style = styled.sum_up(few)
                rates.append(rate("style fidelity", styled.store, few))
            with one_thread():
                shown = gallery.in_styles(generate, synthesizer, places)

        # The report.
        missing = [] if fake is not None else [without_segmenter(protocol)]
        missing += [] if in_inception is not None else [without_inception()]
        missing += of_variety(
            is_model=generate is not None, maps=len(places), lpips=judges.lpips is not None, size=size, **has
        )
        worst, best = ([], []) if fake is None else extremes(fake.counts, dataset.name, EXTREMES)
        report = Report(
            work,
            protocol,
            size,
            len(dataset),
            truth,
            dataset.ontology.colors().tolist(),
            fake,
            real,
            in_inception,
            in_segmenter,
            diversity,
            style,
            published(protocol.published) if protocol.published else (),
            missing,
            [*notes, *(remarks(files, size) if generate is None else [])],
            worst,
            best,
            rates,
        )
        if segmenter is not None and truth is not None:
            judged = LabelMaps(dataset, protocol.judged_size(size))
            rows = partial(gallery.judged, segmenter=segmenter, truth=truth, maps=judged)
            shown = replace(shown, worst=tuple(rows(worst)), best=tuple(rows(best)))
        else:
            some = evenly_spread(len(dataset), EXTREMES)
            shown = replace(shown, some=tuple(gallery.row(place, dataset.name(place)) for place in some))
        write_text_atomic(folder.path / PAGE, page(report, shown))
        write_json_atomic(folder.path / REPORT, report.to_json())
        return report


def describe_data(data: Data) -> dict[str, Any]:
    """Label maps and photos as they came, in JSON types."""
    dataset = data.dataset
    described = {"path": data.path, "split": data.split, "ontology": dataset.ontology.name, **dataset.fingerprint()}
    described["ontology_sha256"] = dataset.ontology.sha256
    if isinstance(dataset, FolderDataset):
        described["labels_sha256"] = content_hash([pair.label for pair in dataset.pairs])
        described["photos_sha256"] = content_hash([pair.photo for pair in dataset.pairs if pair.photo is not None])
        described["instances_sha256"] = content_hash([pair.instance for pair in dataset.pairs if pair.instance])
    if isinstance(dataset, ShardDataset):
        described["tables_sha256"] = checksum(repr([shard.table_sha256 for shard in dataset.shards]).encode())
    return described


def _of_real(cache: Path, work: dict[str, Any], part: str, judge: Any) -> BlockFolder:
    """Where a judge's results about the real photos lie, whatever model is evaluated."""
    data = {key: value for key, value in work["data"].items() if key != "path"}
    protocol = {key: work["protocol"][key] for key in ("judged_at", "ignored", "real")}
    key = {"data": data, "protocol": protocol, "judge": judge}
    key |= {name: work[name] for name in ("size", "judges_device", "versions")}
    return real_store(cache, part, key)


def _measures(judges: Judges, size: Size) -> list[PairMeasure]:
    """What tells pictures of that size apart, and can be had."""
    measures: list[PairMeasure] = [MeanDifference()]
    if min(size) >= SHORTEST_SIDE:
        measures.append(MsSsim())
    return measures if judges.lpips is None else [judges.lpips(), *measures]
