"""Photo, label map and instance map of a pair have one size."""

from __future__ import annotations

from torch import Tensor

from spadework.data.pairs import Pair


def check_sizes(
    pair: Pair, label_map: Tensor | None, photo: tuple[int, int] | None, instance_map: Tensor | None
) -> None:
    """Raise ValueError unless the maps [H, W] and the photo (width, height) of a pair have one size."""
    sizes = {pair.label: _size(label_map), pair.instance: _size(instance_map), pair.photo: photo}
    present = [(path, size) for path, size in sizes.items() if path is not None and size is not None]
    for path, size in present[1:]:
        if size != present[0][1]:
            first, first_size = present[0]
            turned = size == first_size[::-1]
            cure = (
                "was one of them turned by a quarter?" if turned else "resize one of them, label maps with nearest only"
            )
            width, height = first_size
            raise ValueError(f"{path} is {size[0]}x{size[1]}, but {first} is {width}x{height} (width x height): {cure}")


def _size(values: Tensor | None) -> tuple[int, int] | None:
    return None if values is None else (values.shape[1], values.shape[0])
