"""Files of weights, read without executing anything in them, and brought to one naming.

Reads safetensors and what `torch.save` has written since 2017, in both of its file formats. Spectral norm comes out
under the names that torch 1.0 gave it (`weight_orig`, `weight_u`, `weight_v`), whichever version wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

_NOT_WEIGHTS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a compressed archive: unpack it, and give one of the files in it"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself: fetch it with `git lfs pull`"),
    (b"<", "a web page: the download went wrong"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
)
"""What people give by mistake: how such files begin, and what to say."""

_ZIP = b"PK"
_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_PICKLE = b"\x80"


def read_state_dict(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU, as they are in the file.

    The file holds a dict of tensors, or a dict with exactly one such dict among its values (`{"state_dict": ...}`). The
    prefix `module.`, which data-parallel training leaves before every key, is taken off.

    Raises ValueError, which names the file, what it is and the cure, for a missing, empty, damaged or foreign file.
    Nothing in a file is ever executed.
    """
    path = Path(path)
    _refuse_what_is_no_file(path)
    start = _first_bytes(path)
    for magic, what in _NOT_WEIGHTS:
        if start.startswith(magic):
            raise ValueError(f"{path}: this is no checkpoint but {what}")

    state_dict = {key: tensor.detach() for key, tensor in _tensors(_read(path, start), path).items()}
    try:
        return _with_legacy_spectral_names(_without_prefix(state_dict, "module."))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def difference(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str | None:
    """How the shapes found differ from those expected, in words; None if they do not."""
    missing = [f"{key} {list(shape)}" for key, shape in expected.items() if key not in found]
    surplus = [f"{key} {list(shape)}" for key, shape in found.items() if key not in expected]
    other_shape = [
        f"{key} {list(found[key])} instead of {list(shape)}"
        for key, shape in expected.items()
        if key in found and tuple(found[key]) != tuple(shape)
    ]
    kinds = {"missing": missing, "not expected": surplus, "of another shape": other_shape}
    return "; ".join(f"{len(entries)} {kind}: {_few(entries)}" for kind, entries in kinds.items() if entries) or None


# ---- reading --------------------------------------------------------------------------------------------------------


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        inside = sorted(entry.name for entry in path.iterdir() if entry.suffix in {".pth", ".pt", ".safetensors"})
        choice = f" ({_few(inside)})" if inside else ""
        raise ValueError(f"{path}: this is a folder; give the checkpoint in it{choice}")
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty: copy or download it again")


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise ValueError(f"{path}: the file cannot be read ({error.strerror})") from error


def _read(path: Path, start: bytes) -> Any:
    if start.startswith((_ZIP, _LEGACY_TORCH)):
        return _read_torch(path)
    if start.startswith(_PICKLE):
        raise ValueError(
            f"{path}: this is a Python pickle but no checkpoint (the options file opt.pkl, perhaps): give the .pth file"
            " that holds the weights; nothing in it was executed"
        )
    if start[8:9] == b"{" or path.suffix == ".safetensors":
        return _read_safetensors(path)
    raise ValueError(f"{path}: this is no checkpoint: neither safetensors nor a file written by torch.save")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{path}: the safetensors file is damaged ({error}): copy or download it again") from error


def _read_torch(path: Path) -> Any:
    try:
        with path.open("rb") as file:  # given a path, torch goes by its suffix
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader raises nearly every kind there is on a damaged file
        raise ValueError(f"{path}: {_why_unreadable(error)}; nothing in it was executed") from error


def _why_unreadable(error: Exception) -> str:
    # torch's message names the Python object; its advice, to execute the file, is left out.
    message = str(error)
    named = re.search(r"(?:GLOBAL|class|function) ([\w.]+\.\w+)", message)
    if named and not named[1].startswith("torch._"):
        return f"it holds a Python object, {named[1]}, not weights alone: save the network's state_dict by itself"
    if "TorchScript" in message:
        return "it is a TorchScript program: save the state_dict of the network instead"
    reason = re.sub(r"^\[.*?\] \. ", "", message).partition("\n")[0].partition(". ")[0] or type(error).__name__
    return f"the file is damaged or no checkpoint ({reason}): copy or download it again"


def _tensors(held: Any, path: Path) -> Mapping[str, Tensor]:
    """The state dict that `held` is, or the only one among its values."""
    if not isinstance(held, Mapping):
        raise ValueError(f"{path}: this holds a {type(held).__name__}, not tensors by name")
    if _is_state_dict(held):
        return held
    inner = {name: value for name, value in held.items() if isinstance(value, Mapping) and _is_state_dict(value)}
    if len(inner) > 1:
        names = _few(map(str, inner))
        raise ValueError(f"{path}: this holds several networks ({names}); save the one you want by itself")
    if not inner:
        others = (f"{name} ({type(value).__name__})" for name, value in held.items() if not isinstance(value, Tensor))
        raise ValueError(f"{path}: this is not a dict of tensors: {_few(others) if held else 'it is empty'}")
    return next(iter(inner.values()))


def _is_state_dict(held: Mapping[Any, Any]) -> bool:
    return bool(held) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in held.items())


def _without_prefix(state_dict: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    if not all(key.startswith(prefix) for key in state_dict):
        return state_dict
    return {key.removeprefix(prefix): tensor for key, tensor in state_dict.items()}


def _few(entries: Iterable[str], limit: int = 4) -> str:
    listed = list(entries)
    return ", ".join(listed[:limit]) + (f" and {len(listed) - limit} more" if len(listed) > limit else "")


# ---- spectral norm --------------------------------------------------------------------------------------------------


def _with_legacy_spectral_names(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every spectral-normalised weight as `weight_orig`, `weight_u`, `weight_v`; a `weight` beside them is derived."""
    state_dict = {_legacy_name(key, state_dict): tensor for key, tensor in state_dict.items()}
    for orig in [key for key in state_dict if key.endswith(".weight_orig")]:
        path = orig.removesuffix(".weight_orig")
        weight, u = state_dict.pop(f"{path}.weight", None), state_dict.get(f"{path}.weight_u")
        if u is None:
            raise ValueError(f"{orig} is there without {path}.weight_u: the checkpoint is not whole")
        if f"{path}.weight_v" not in state_dict:
            if weight is None:
                raise ValueError(f"{orig} is there with neither weight_v nor weight: the checkpoint is not whole")
            state_dict[f"{path}.weight_v"] = _solve_v(state_dict[orig], weight, u, path)
    return state_dict


def _legacy_name(key: str, keys: Mapping[str, Tensor]) -> str:
    # torch.nn.utils.parametrizations.spectral_norm: X.parametrizations.weight.{original, 0._u, 0._v}
    path, found, leaf = key.partition(".parametrizations.weight.")
    names = {"original": "weight_orig", "0._u": "weight_u", "0._v": "weight_v"}
    spectral = f"{path}.parametrizations.weight.0._u" in keys
    return f"{path}.{names[leaf]}" if found and spectral and leaf in names else key


def _solve_v(weight_orig: Tensor, weight: Tensor, u: Tensor, path: str) -> Tensor:
    """The vector that torch 0.4 did not save, such that weight_orig / (u' W v) is the weight it did save.

    W is weight_orig as a matrix [outputs, rest], and saved was W / sigma. That gives sigma as the ratio of the two, in
    least squares, since an optimiser step after the last forward pass may have moved weight_orig a little. The power
    iteration points v along W'u. With v = c W'u, u' W v = c |W'u|^2 is sigma for c = sigma / |W'u|^2. So v is not
    quite of length one: it stands half a step of the iteration beyond the v of that sigma. Evaluating needs only
    u' W v, and training replaces v before using it.
    """
    if weight.shape != weight_orig.shape or u.dim() != 1 or weight.dim() < 2 or len(u) not in weight.shape[:2]:
        shapes = f"{list(weight_orig.shape)}, {list(weight.shape)} and {list(u.shape)}"
        raise ValueError(f"{path}: weight_orig, weight and weight_u have shapes {shapes}, which do not belong together")
    original, saved = weight_orig.double(), weight.double()
    outputs = 0 if len(u) == len(original) else 1  # second in a transposed convolution
    direction = original.movedim(outputs, 0).flatten(1).T @ u.double()
    alike = torch.nn.functional.cosine_similarity(original.flatten(), saved.flatten(), dim=0)
    if not (alike > 0.9 and direction.any()):
        raise ValueError(f"{path}: weight is not weight_orig divided by one number, so weight_v cannot be found")
    sigma = original.square().sum() / (original * saved).sum()
    return (direction * sigma / direction.square().sum()).to(u.dtype)
