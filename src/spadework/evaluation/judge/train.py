"""Training a judge, written straight down.

    training.json       what is trained, and on what
    checkpoints/        000002000.pt: everything needed to go on after 2000 images
    log.jsonl, events/  loss and speed

and, in the end, beside them the files of a segmenter (`segmenters.own`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.checkpoints import Checkpoints
from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from spadework.evaluation.ground_truth import IGNORED, match_classes
from spadework.evaluation.judge.augment import Crops, vary_colors
from spadework.evaluation.judge.ceiling import ceiling
from spadework.evaluation.judge.claim import claimed, record_of
from spadework.evaluation.judge.classes import class_weights, own_config
from spadework.evaluation.judge.folds import Material
from spadework.evaluation.judge.settings import JudgeSettings, Pace
from spadework.evaluation.judge.start import Start, begin
from spadework.hardware import find_device
from spadework.interruptions import interruptions
from spadework.log import Log
from spadework.segmenters.own import SEGMENTER, OwnSegmenter

_KEEP = 2


def train_judge(
    material: Material,
    out: Path,
    settings: JudgeSettings,
    pace: Pace,
    *,
    start: Start | None = None,
    resume: bool = False,
    tell: Callable[[str], None] = print,
) -> OwnSegmenter:
    """Train a segmenter into a folder, measure it on the photos held out, and return it.

    With `resume` it goes on from the newest checkpoint, bit for bit on a CPU; what is finished is read and returned.
    Raises ValueError for a folder or data that can't be used, FloatingPointError for a loss that is not finite,
    DiskFullError, and KeyboardInterrupt after an interruption, when all was saved.
    """
    data, ontology = Crops(material.training, settings), material.training.ontology
    shares = data.check().shares
    seed = material.seed(settings.seed)
    torch.manual_seed(seed)
    segmenter = OwnSegmenter(own_config(ontology, settings)).to(_device(pace)).train()
    started = begin(segmenter, start or Start(), material, tell)
    segmenter.training_record = record_of(material, settings, started.record)

    with claimed(out, segmenter.training_record, resume):
        if (out / SEGMENTER).exists():
            tell(f"{out}: this segmenter is finished; nothing was left to do")
            return OwnSegmenter.read(out)

        # Start anew, or where the newest checkpoint left off.
        optimizer = torch.optim.AdamW(
            segmenter.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        checkpoints = Checkpoints(out / "checkpoints", _KEEP)
        checkpoint = checkpoints.latest()
        images, seconds = 0, 0.0
        if checkpoint is not None:
            images, seconds = checkpoint.images, checkpoint.state["seconds"]
            segmenter.network.load_state_dict(checkpoint.state["network"])
            optimizer.load_state_dict(checkpoint.state["optimizer"])
        total = -(-settings.images // settings.batch_size) * settings.batch_size
        device = segmenter.ids.device
        weights = class_weights(shares, segmenter.classes, settings.balance).to(device)
        target_of = torch.tensor([*match_classes(ontology, segmenter.classes).of_index, IGNORED], device=device)
        tell(f"{out}: {len(data)} photos, {images} of {total} images seen, on {device}")

        # Train.
        stream, losses, began, first = SampleStream(data, seed), _Mean(), time.monotonic(), images
        with interruptions() as interrupted, Log(out, images) as log:
            for positions, batch in batches(stream, images, settings.batch_size, pace.workers, stop=total):
                rate = settings.rate_at(images, total)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                assert batch.photo is not None
                draw = Draw(seed, positions)
                photos = vary_colors(batch.photo.to(device), settings.jitter, draw)
                target = target_of[batch.label_map.to(device).long()]                                  # [B, H, W]
                torch.manual_seed(int(draw.integer("dropout", 2**31)[0]))
                loss = _loss(segmenter, photos, target, weights, settings.precision)
                if not math.isfinite(value := loss.item()):
                    raise FloatingPointError(_explain_loss(value, images, batch.names, checkpoints))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                before, images = images, images + len(batch)
                losses.add(value)

                # Tell how it goes, and save.
                spent = time.monotonic() - began
                if _passed(pace.log_every, before, images) or images == total:
                    speed = (images - first) / spent
                    mean = losses.take()
                    log.write(images, loss=mean, learning_rate=rate, images_per_second=speed)
                    left = (total - images) / speed / 60
                    tell(f"{images}/{total} images  {speed:.1f} images/s  {left:.0f} min left  loss {mean:.3f}")
                if _passed(pace.checkpoint_every, before, images) or images == total or interrupted():
                    checkpoints.save(images, _state(segmenter, optimizer, seconds + spent))
                if interrupted():
                    tell(f"interrupted: everything up to image {images} is saved; go on with --resume")
                    raise KeyboardInterrupt
        seconds += time.monotonic() - began

        # Measure, then write the whole segmenter.
        segmenter.eval()
        report = {
            "ceiling": {split: ceiling(segmenter, pairs) for split, pairs in material.held_out.items()},
            "training": {"images": images, "seconds": seconds, "images_per_second": images / seconds},
        }
        seen = dict.fromkeys([*started.listing.splitlines(), *material.listing.splitlines()])
        segmenter.write(out, ontology, report, "".join(f"{line}\n" for line in seen))
        return OwnSegmenter.read(out)


def _loss(segmenter: OwnSegmenter, photos: Tensor, target: Tensor, weights: Tensor, precision: str) -> Tensor:
    """Cross entropy, a mean over the labelled pixels, each weighted as its class."""
    with torch.autocast(photos.device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits = segmenter(photos)                                                                     # [B, K, H, W]
    total = F.cross_entropy(logits.float(), target, weights, ignore_index=IGNORED, reduction="sum")
    weight = torch.where(target == IGNORED, 0.0, weights[target.clamp_min(0)]).sum()
    return total / weight.clamp_min(1e-6)


def _state(segmenter: OwnSegmenter, optimizer: torch.optim.Optimizer, seconds: float) -> dict[str, Any]:
    return {"network": segmenter.network.state_dict(), "optimizer": optimizer.state_dict(), "seconds": seconds}


def _device(pace: Pace) -> torch.device:
    has_cuda = torch.cuda.is_available()
    return find_device(("cuda" if has_cuda else "cpu") if pace.device == "auto" else pace.device)


def _explain_loss(value: float, images: int, names: list[str], checkpoints: Checkpoints) -> str:
    paths = checkpoints.paths()
    kept = f"the last checkpoint, {paths[-1]}, is good" if paths else "there is no checkpoint yet"
    return (
        f"stopped after {images} images: the loss is {value}, on the batch of {', '.join(names)}; {kept}. "
        "Look at these photos, or start anew with a lower learning rate or precision float32"
    )


def _passed(every: int, before: int, images: int) -> bool:
    return images // every > before // every


class _Mean:
    """The mean of losses since it was last taken."""

    def __init__(self) -> None:
        self.sum, self.count = 0.0, 0

    def add(self, value: float) -> None:
        self.sum, self.count = self.sum + value, self.count + 1

    def take(self) -> float:
        mean = self.sum / max(self.count, 1)
        self.sum, self.count = 0.0, 0
        return mean
