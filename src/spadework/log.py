"""The log of a run: one JSON object per line in `log.jsonl`, and the same numbers as TensorBoard events."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from spadework.atomic import explain_disk_full, write_atomic, write_text_atomic

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Log:
    """Appends to the log of the run in `run_folder`, which stands at `images` (0 for a new run).

    Lines beyond `images`, written after the checkpoint that a resumed run goes on from, are dropped, and so is a last
    line that a kill left half-written. A log that is damaged elsewhere is kept as `log.damaged.jsonl`, with a warning,
    and goes on with the lines that can be read: no training ends for its log.
    """

    def __init__(self, run_folder: Path | str, images: int) -> None:
        # Slow to import, and whoever only reads a log needs none of it.
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(run_folder)
        self.path = folder / "log.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        _set_aside_if_damaged(self.path)
        _drop_lines_beyond(self.path, images)
        with explain_disk_full(self.path, safe="its lines so far and the run's checkpoints are untouched"):
            self._file = self.path.open("ab", buffering=0)
            self._events = SummaryWriter(str(folder / "events"), purge_step=images + 1)

    def write(self, images: int, **values: Any) -> None:
        """Add one line: `images` seen, the named values, and the present time (UTC).

        Values are numbers (tensors of one element too), texts, and lists and dicts of them, e.g. losses={"gan": 0.7}.
        NaN and infinities are written as the texts "nan", "inf" and "-inf". Raises DiskFullError when there is no room;
        the log then ends with the line before.
        """
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = _plain({"images": images, **values, "time": time})
        with explain_disk_full(self.path, safe="its lines so far and the run's checkpoints are untouched"):
            self._append(json.dumps(line, allow_nan=False).encode() + b"\n")
            for name, value in _scalars(values):
                self._events.add_scalar(name, value, global_step=images)
            self._events.flush()

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        with explain_disk_full(self.path, safe="its lines and the run's checkpoints are untouched"):
            self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, line: bytes) -> None:
        start = os.fstat(self._file.fileno()).st_size
        written = 0
        try:
            while written < len(line):
                written += self._file.write(line[written:])
        except OSError:
            self._file.truncate(start)
            raise


def read_log(folder: Path | str) -> list[dict[str, Any]]:
    """The lines of a run's log, oldest first; empty before the first.

    The texts "nan", "inf" and "-inf" become numbers again. A half-written last line is passed over; any other line
    that is not a JSON object with `images` raises ValueError.
    """
    return [_with_numbers(line) for line in _read_lines(Path(folder) / "log.jsonl")]


def _set_aside_if_damaged(path: Path) -> None:
    try:
        _read_lines(path)
    except ValueError as error:
        aside = path.with_name("log.damaged.jsonl")
        warnings.warn(
            f"{error}: such lines are left out now, and the file as it was is kept as {aside.name}", stacklevel=3
        )
        text = path.read_bytes()
        write_atomic(aside, lambda file: file.write(text))
        good = [line for line in text.split(b"\n") if _parse(line) is not None]
        write_atomic(path, lambda file: file.write(b"".join(line + b"\n" for line in good)))


def _drop_lines_beyond(path: Path, images: int) -> None:
    kept = [line for line in _read_lines(path) if line["images"] <= images]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    if path.exists() and path.read_bytes() != text.encode():
        write_text_atomic(path, text)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    *complete, last = path.read_bytes().split(b"\n")
    lines = []
    for number, text in enumerate(complete, start=1):
        line = _parse(text)
        if line is None:
            raise ValueError(
                f"{path}, line {number}: expected a JSON object with images, found {text[:60]!r}; "
                "delete or repair this line"
            )
        lines.append(line)

    # The last line ends without a line break when its writer was killed, or when somebody edited the file.
    line = _parse(last)
    return lines if line is None else [*lines, line]


def _parse(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text.decode())
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("images"), int) else None


def _plain(value: Any) -> Any:
    """The same value in JSON types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _scalars(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number by its path, e.g. "losses/gan"."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{prefix}{key}/")
            continue
        number = value.item() if hasattr(value, "item") else value
        if isinstance(number, int | float):
            yield f"{prefix}{key}", float(number)
