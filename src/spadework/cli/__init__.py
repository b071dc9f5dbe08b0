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
from importlib import import_module

from spadework import __version__
from spadework.choose import choose

VERBS = (
    "train",
    "generate",
    "check",
    "convert",
    "prepare",
    "terrain",
    "shards",
    "study",
    "studio",
    "evaluate",
    "compare",
    "train-segmenter",
    "segment",
    "train-on-fake",
    "systems",
    "models",
    "ship",
)
"""A verb is the function of its name in the file of its name beside this one."""

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
            code = _verb(arguments[0])(arguments[1:])
    except ValueError as error:
        return _fail(error, 2)
    except (FloatingPointError, OSError, MemoryError) as error:
        return _fail(str(error) or "memory ran out", 1)  # Python's own MemoryError is silent.
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        return _fail(LOADER_KILLED, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return code or 0


def _verb(name: str) -> Callable[[Sequence[str]], int | None]:
    """What a verb runs. Only its own file is imported: what others need takes seconds."""
    name = choose({verb: verb.replace("-", "_") for verb in VERBS}, name, "verb")
    verb: Callable[[Sequence[str]], int | None] = getattr(import_module(f"spadework.cli.{name}"), name)
    return verb


def _note(message: Warning | str, *rest: object, **more: object) -> None:
    launch = sys.modules.get("spadework.training.launch")
    if launch is None or launch.is_first():  # Of a training's processes, one speaks.
        print(f"note: {message}", file=sys.stderr)


def _fail(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
