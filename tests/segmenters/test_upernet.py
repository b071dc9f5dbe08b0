"""UPerNet: its size, its two families of preprocessing, the sizes it tests at."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from spadework.segmenters.upernet import UPerNet
from spadework.segmenters.upernet_input import SIZES, Sizes, caffe, imagenet
from tests.segmenters.narrow import CLASSES, SMALL_SIZES, filled, photos, upernet

NAMES = [f"class {number}" for number in range(150)]


def test_it_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        segmenter = UPerNet(NAMES, preprocessing="ade20k")
    counts = [sum(parameter.numel() for parameter in part.parameters()) for part in segmenter.children()]
    assert counts == [42_623_936, 40_590_486]


def test_the_encoder_is_timms_resnet101s() -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed here; it comes with the extra `eval`")
    theirs = timm.create_model("resnet101s", pretrained=False, features_only=True, out_indices=(1, 2, 3, 4)).eval()
    ours = UPerNet(CLASSES, preprocessing="ade20k").encoder
    stem = {"conv1.0": "conv1", "conv1.1": "bn1", "conv1.3": "conv2", "conv1.4": "bn2", "conv1.6": "conv3"}
    stem["bn1"] = "bn3"
    renamed = {}
    for key, tensor in theirs.state_dict().items():
        path, _, leaf = key.rpartition(".")
        renamed[f"{stem.get(path, path)}.{leaf}"] = tensor
    ours.load_state_dict(renamed, strict=True)
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for stage, expected in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(stage, expected, rtol=1e-5, atol=1e-5)


def test_sizes_of_a_square_photo_of_256_pixels() -> None:
    assert SIZES["five"].of(256, 256) == [(side, side) for side in (320, 384, 480, 544, 608)]
    assert SIZES["450"].of(256, 256) == [(480, 480)]
    assert SIZES["450-padding-8"].of(256, 256) == [(456, 456)]
    assert SIZES["256"].of(256, 256) == [(256, 256)]


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(46, 72, [(64, 96), (64, 128)]), (64, 64, [(64, 64), (96, 96)]), (10, 400, [(32, 128), (32, 128)])],
)
def test_the_longest_side_is_held_before_rounding_up(height: int, width: int, expected: list[tuple[int, int]]) -> None:
    assert SMALL_SIZES.of(height, width) == expected
    assert [(h, w) for w, h in SMALL_SIZES.of(width, height)] == expected


def test_scores_are_probabilities_averaged_over_the_sizes() -> None:
    given = photos(1, 46, 72)
    each = [filled(upernet(sizes=Sizes((side,), longest=100))).scores(given) for side in (48, 80)]
    both = filled(upernet(sizes=SMALL_SIZES)).scores(given)
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)
    torch.testing.assert_close(both.sum(1), torch.ones(1, 46, 72))
    assert not torch.allclose(each[0], each[1], atol=1e-3)


def test_the_two_families_see_different_photos() -> None:
    photo = torch.tensor([255, 128, 0], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(1, 3, 8, 8)
    red, green, blue = imagenet(photo, (8, 8))[0, :, 0, 0].tolist()
    assert (red, green, blue) == pytest.approx(((1 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, -0.406 / 0.225))
    assert caffe(photo, (8, 8))[0, :, 0, 0].tolist() == pytest.approx([0 - 102.9801, 128 - 115.9465, 255 - 122.7717])


def test_resizing_is_pillows_in_one_family_and_between_neighbours_in_the_other() -> None:
    given = photos(1, 96, 64)
    pixels = np.asarray(Image.fromarray(given[0].permute(1, 2, 0).numpy()).resize((32, 48), Image.Resampling.BILINEAR))
    restored = imagenet(given, (48, 32)) * torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    restored = (restored + torch.tensor([0.485, 0.456, 0.406])[:, None, None]) * 255
    torch.testing.assert_close(restored[0], torch.from_numpy(pixels.copy()).permute(2, 0, 1).float(), rtol=0, atol=1e-3)

    # Half the size: the middle of four pixels, whatever lies around them; whole numbers, as in a file.
    values = caffe(given, (48, 32))[0] + torch.tensor([102.9801, 115.9465, 122.7717])[:, None, None]
    expected = given.flip(1).float().unfold(2, 2, 2).unfold(3, 2, 2).mean((-2, -1)).round()[0]
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-3)


def test_a_wrong_family_gets_the_right_ones() -> None:
    with pytest.raises(ValueError, match="did you mean 'ade20k'"):
        UPerNet(CLASSES, preprocessing="ade-20k")
