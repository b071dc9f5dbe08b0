"""spadework: label maps into photographs.

  spadework train SYSTEM     train a system on photos and label maps
  spadework generate MODEL   turn label maps into photos
  spadework check DIR        what is wrong with a data set, and the cure
  spadework convert FILE     released checkpoints into models, and back
  spadework prepare NAME     a published data set, as its owners publish it, into a data folder
  spadework terrain          endless labelled landscapes, drawn by the library itself
  spadework shards DATA DIR  pack a data folder into shards, for sets larger than a disk
  spadework evaluate MODEL   how good its pictures are: numbers by a named protocol, one report
  spadework compare A B ...  such reports side by side, differences with intervals
  spadework train-segmenter DIR   a segmenter for your own classes, as a judge of generated photos
  spadework segment PHOTOS   photos into label maps, by such a segmenter
  spadework train-on-fake DIR  what segmenters learn from generated photos, measured on real ones
  spadework study VERB       ask people which of two results looks more like a photo
  spadework studio           paint label maps in the browser, watch the photos appear
  spadework systems          list systems, presets and variants
  spadework models           list the models that there are, by name
  spadework ship RUN         a trained model as a folder to give away

Every verb has --help.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence

from spadework import __version__
from spadework.choose import choose
from spadework.cli.check import check
from spadework.cli.compare import compare
from spadework.cli.convert import convert
from spadework.cli.evaluate import evaluate
from spadework.cli.generate import generate
from spadework.cli.models import models
from spadework.cli.prepare import prepare
from spadework.cli.segment import segment
from spadework.cli.shards import shards
from spadework.cli.ship import ship
from spadework.cli.studio import studio
from spadework.cli.study import study
from spadework.cli.systems import systems
from spadework.cli.terrain import terrain
from spadework.cli.train import train
from spadework.cli.train_on_fake import train_on_fake
from spadework.cli.train_segmenter import train_segmenter
from spadework.training.launch import is_first

VERBS: dict[str, Callable[[Sequence[str]], int | None]] = {
    "train": train,
    "generate": generate,
    "check": check,
    "convert": convert,
    "prepare": prepare,
    "terrain": terrain,
    "shards": shards,
    "study": study,
    "studio": studio,
    "evaluate": evaluate,
    "compare": compare,
    "train-segmenter": train_segmenter,
    "segment": segment,
    "train-on-fake": train_on_fake,
    "systems": systems,
    "models": models,
    "ship": ship,
}


LOADER_KILLED = (
    "a process that loads data was killed, perhaps for want of memory; what was saved is whole. Run the same command "
    "again, a training with --resume, and with fewer --workers"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb. Exit codes: 0 done, 1 failed (check: errors found), 2 wrong input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"spadework {__version__}")
        return 0
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            code = choose(VERBS, arguments[0], "verb")(arguments[1:])
    except ValueError as error:
        return _fail(error, 2)
    except (FloatingPointError, OSError, MemoryError) as error:
        return _fail(error, 1)
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        return _fail(LOADER_KILLED, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return code or 0


def _note(message: Warning | str, *rest: object, **more: object) -> None:
    if is_first():  # Of several processes, one speaks.
        print(f"note: {message}", file=sys.stderr)


def _fail(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
