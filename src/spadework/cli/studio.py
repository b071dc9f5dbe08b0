"""`spadework studio`: paint label maps in a browser, watch the photos appear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro
from tyro.conf import OmitArgPrefixes, arg

from spadework.model_folder import find_model
from spadework.studio.limits import Limits
from spadework.studio.serve import serve

SHIPPED = "landscapes"
"""The model that comes with the library."""


@dataclass(frozen=True)
class Studio:
    """Open the studio: paint a label map in the browser, watch the photo appear. It serves this machine only unless
    told otherwise, and loads nothing from elsewhere. To turn a whole folder of label maps into photos in one style, use
    the studio's batch panel, its API, or `spadework generate`."""

    model: str = SHIPPED
    """A model folder, a run folder, or a model's name."""
    port: int | None = None
    """The port; the first free one from 8200 on unless given, 0 takes any free one."""
    host: str = "127.0.0.1"
    """Where to listen: this machine only; 0.0.0.0 for all its networks, by token."""
    browser: bool = True
    """Open the browser."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """Where to compute."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the networks; bf16 is quicker where the processor computes in it."""
    segmenter: str | None = None
    """A segmenter's folder: lets photos become label maps. Its classes are matched with the model's by name."""
    token: str | None = None
    """What everybody must show; made up where others than this machine can come."""
    url: Annotated[str | None, arg(metavar="URL")] = None
    """The address that people type, where a proxy stands before the server: https://studio.example.org"""
    limits: OmitArgPrefixes[Limits] = field(default_factory=Limits)


def studio(arguments: Sequence[str]) -> None:
    """Serve until Ctrl-C."""
    options = tyro.cli(Studio, prog="spadework studio", args=list(arguments))
    if options.model == SHIPPED:
        _find_shipped()
    serve(
        options.model,
        options.host,
        options.port,
        device=options.device,
        precision=options.precision,
        segmenter=options.segmenter,
        token=options.token,
        url=options.url,
        browser=options.browser,
        limits=options.limits,
        say=lambda line: print(line, flush=True),
    )


def _find_shipped() -> None:
    """Raise ValueError, with the way to a model, where this installation brings none."""
    try:
        find_model(SHIPPED)
    except ValueError:
        raise ValueError(
            f"this installation has no model {SHIPPED!r}; name one with --model, or make one of drawn landscapes: "
            "`spadework terrain --out land --count 2000 --size 256`, then `spadework train spade --preset tiny --data "
            "land --out runs/land`, then `spadework studio --model runs/land`"
        ) from None
